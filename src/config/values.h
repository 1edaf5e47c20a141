/* Readers of single values: each takes the value on top of the stack, checks it, and puts it into the
 * configuration. Private to this room. 0, or -1 with an error that names the key. */
#ifndef CONFIG_VALUES_H
#define CONFIG_VALUES_H

#include "config/check.h"

int value_text(struct reading *reading, const struct key *key);
int value_address(struct reading *reading, const struct key *key);
int value_route(struct reading *reading, const struct key *key);
int value_path(struct reading *reading, const struct key *key);
/* A list of paths into a char **. */
int value_paths(struct reading *reading, const struct key *key);
int value_store(struct reading *reading, const struct key *key);
int value_header(struct reading *reading, const struct key *key);
int value_timezone(struct reading *reading, const struct key *key);
/* `tls`: an error as long as nothing serves it. A warning would leave plain HTTP where TLS was asked for. */
int value_tls(struct reading *reading, const struct key *key);

/* verify.secret: one text, or a list of at most CONFIG_SECRETS; nil entries are passed over. */
int value_secrets(struct reading *reading, const struct key *key);
/* A list of texts into a char **. */
int value_texts(struct reading *reading, const struct key *key);
/* https://..., or http:// to a loopback address; no slash at its end. */
int value_url(struct reading *reading, const struct key *key);
/* `secrets`: { NAME = { value = TEXT, hosts = LIST } }. */
int value_named_secrets(struct reading *reading, const struct key *key);
/* `http.allow`: a list of ADDRESS, ADDRESS:PORT, ADDRESS/BITS, NAME, NAME:PORT. */
int value_allow(struct reading *reading, const struct key *key);
/* `router.entra`. */
int value_entra(struct reading *reading, const struct key *key);

/* For the readers above: the text on top of the stack, which lives as long as it stays there, or NULL with the
 * error. */
const char *value_read_text(struct reading *reading, const char *path);
/* The list on top of the stack, NULL-terminated, into *to; an empty one leaves NULL there. */
int value_read_texts(struct reading *reading, const char *path, char ***to);

int value_unsigned(struct reading *reading, const struct key *key);
int value_uint64(struct reading *reading, const struct key *key);
int value_double(struct reading *reading, const struct key *key);
int value_bool(struct reading *reading, const struct key *key);

#endif
