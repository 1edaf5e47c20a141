/* The scripts folder read into memory: every .lua file at one moment, and the digest of them all.
 *
 * Read through one descriptor of the folder, so that a symlink that is swapped meanwhile cannot mix two sets. What
 * begins with a dot and what ends in _spec.lua is left out. That somebody has a file open for writing is seen, and
 * nobody can begin to write to it while it is read, where the file belongs to the host's user, or the host may
 * take leases (CAP_LEASE), and the file system has them. Handlers stand at the top, in folders named after a type
 * and in local/; modules in lib/, in folders of any depth that the limits allow. A set that was read is not
 * changed any more: any thread may look at it while it holds it.
 */
#ifndef SCRIPTS_SCRIPTS_H
#define SCRIPTS_SCRIPTS_H

#include "base/error.h"
#include "crypto/crypto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCRIPTS_FILES_MAX = 1000,
    SCRIPTS_FILE_SIZE_MAX = 1024 * 1024,
    SCRIPTS_SIZE_MAX =
        16 * 1024 * 1024, /* all together: what a worker is sent and the store keeps per generation */
    SCRIPTS_DEPTH_MAX = 8,
};

struct script {
    char *path; /* relative to the folder: "RouterJobQueued.lua", "lib/queues.lua" */
    char *bytes;
    size_t length;
};

struct script_set {
    struct script *files; /* sorted by path */
    size_t count;
    size_t size;     /* of all files */
    char *open_file; /* one that somebody had open for writing: the set may be half written; NULL: none */
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    _Atomic unsigned holders; /* see scripts_share */
};

/* NULL with the error when the folder or a file in it cannot be read. The caller frees. */
struct script_set *scripts_read(const char *folder, struct error *error);
/* Drops all handlers but the one of that path; modules stay. Only for a set that nobody else holds. */
void scripts_keep_handler(struct script_set *set, const char *path);
/* One holder less; the last one frees. */
void scripts_free(struct script_set *set);
/* Another holder, who calls scripts_free too; the set must not be changed any more. */
struct script_set *scripts_share(struct script_set *set);

#endif
