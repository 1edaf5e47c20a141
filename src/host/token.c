#include "host/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/secrets.h"
#include "router/token.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ANSWER_MOST = 64 * 1024,
    MARGIN_S = 300, /* before its end a token is renewed; of short ones, a tenth of their time */
    FILE_S = 60,    /* a file is read again at the latest */
    SHORTEST_S = 5, /* a token that ends at once is used all the same */
    AGAIN_S = 10,   /* after a renewal that failed, while the old token is still good */
};

struct tokens {
    struct loop *loop;
    struct http_client *http;
    const struct config *config;
    struct buffer token;
    int64_t renew_ns, end_ns; /* monotonic */
    struct timespec file_time;
    ino_t file_number;
    bool is_fetching;
    struct http_call call;
    struct http_header header;
    struct buffer url, body;
    struct list waiting;
    struct loop_task told; /* hands the outcome to those who wait */
    struct error error;
    bool is_freed;
};

static bool is_good(const struct tokens *tokens, int64_t now);
static bool is_of_file(const struct tokens *tokens);
static void look_at_file(struct tokens *tokens);
static int read_file(struct tokens *tokens, struct error *error);
static int read_bytes(const char *path, struct buffer *text, struct stat *status, struct error *error);
static void fetch(struct tokens *tokens);
static void on_fetched(struct http_call *call, const struct http_answer *answer);
static void keep(struct tokens *tokens, int64_t seconds);
static void drop(struct tokens *tokens);
static void tell(struct tokens *tokens);
static void on_told(struct loop_task *task);

struct tokens *tokens_new(struct loop *loop, struct http_client *http, const struct config *config,
                          struct error *error) {
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        error_memory(error);
        return NULL;
    }
    tokens->loop = loop;
    tokens->http = http;
    tokens->config = config;
    list_init(&tokens->waiting);
    buffer_init(&tokens->token, ROUTER_TOKEN_MOST);
    buffer_init(&tokens->url, ROUTER_TOKEN_MOST);
    buffer_init(&tokens->body, ROUTER_TOKEN_MOST);
    return tokens;
}

void tokens_free(struct tokens *tokens) {
    if (tokens == NULL) {
        return;
    }
    http_cancel(tokens->http, &tokens->call);
    secrets_wipe(&tokens->token);
    secrets_wipe(&tokens->body);
    buffer_reset(&tokens->url);
    /* A task that the loop has already cannot be taken back: it frees the rest. */
    tokens->is_freed = tokens->told.is_queued;
    if (!tokens->is_freed) {
        free(tokens);
    }
}

const char *tokens_now(struct tokens *tokens) {
    if (is_of_file(tokens)) {
        look_at_file(tokens);
    }
    int64_t now = clock_monotonic_ns();
    if (!is_good(tokens, now)) {
        return NULL;
    }
    if (now >= tokens->renew_ns && !is_of_file(tokens) && !tokens->is_fetching) {
        fetch(tokens); /* meanwhile the old one goes on */
    }
    return tokens->token.bytes;
}

void tokens_await(struct tokens *tokens, struct token_wait *wait) {
    wait->is_waiting = true;
    list_append(&tokens->waiting, &wait->in_tokens);
    if (is_of_file(tokens)) {
        tell(tokens); /* the file was just read: `error` says what is wrong with it */
    } else if (!tokens->is_fetching) {
        fetch(tokens);
    }
}

void tokens_cancel(struct token_wait *wait) {
    if (wait->is_waiting) {
        list_remove(&wait->in_tokens);
        wait->is_waiting = false;
    }
}

bool tokens_reject(struct tokens *tokens, const char *token) {
    if (tokens->token.length == 0 || strcmp(tokens->token.bytes, token) != 0) {
        return true; /* another one is there, or on its way */
    }
    if (is_of_file(tokens)) {
        tokens->renew_ns = 0;
        look_at_file(tokens);
        return tokens->token.length > 0 && strcmp(tokens->token.bytes, token) != 0;
    }
    drop(tokens);
    return true;
}

static bool is_good(const struct tokens *tokens, int64_t now) {
    return tokens->token.length > 0 && now < tokens->end_ns;
}

static bool is_of_file(const struct tokens *tokens) {
    return tokens->config->entra.token_file != NULL;
}

/* Again when it has changed, and once a minute: a file system may not tell the time of a change well. */
static void look_at_file(struct tokens *tokens) {
    struct stat status;
    bool is_same = stat(tokens->config->entra.token_file, &status) == 0 && status.st_ino == tokens->file_number &&
                   status.st_mtim.tv_sec == tokens->file_time.tv_sec &&
                   status.st_mtim.tv_nsec == tokens->file_time.tv_nsec;
    if (is_same && tokens->token.length > 0 && clock_monotonic_ns() < tokens->renew_ns) {
        return;
    }
    drop(tokens);
    tokens->error = (struct error){.code = ERROR_NONE};
    if (read_file(tokens, &tokens->error) < 0) {
        drop(tokens);
        error_prefix(&tokens->error, "router.entra.token_file");
    }
}

static int read_file(struct tokens *tokens, struct error *error) {
    struct buffer text;
    struct stat status;
    buffer_init(&text, ROUTER_TOKEN_MOST + 1);
    int result = read_bytes(tokens->config->entra.token_file, &text, &status, error);
    if (result == 0) {
        result = router_token_trim(buffer_slice(&text), &tokens->token, error);
        tokens->file_time = status.st_mtim;
        tokens->file_number = status.st_ino;
        tokens->renew_ns = clock_monotonic_ns() + FILE_S * CLOCK_NS_PER_S;
        tokens->end_ns = INT64_MAX;
    }
    secrets_wipe(&text);
    return result;
}

static int read_bytes(const char *path, struct buffer *text, struct stat *status, struct error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *room = buffer_reserve(text, ROUTER_TOKEN_MOST + 1);
    int result = -1;
    if (fd < 0 || fstat(fd, status) < 0) {
        error_system(error, errno, "cannot read %s", path);
    } else if (!S_ISREG(status->st_mode) || status->st_size > ROUTER_TOKEN_MOST) {
        error_set(error, ERROR_INVALID, "%s is no file that holds a token", path);
    } else if (room == NULL) {
        error_memory(error);
    } else {
        ssize_t length = read(fd, room, ROUTER_TOKEN_MOST);
        result = length < 0 ? error_system(error, errno, "cannot read %s", path) : 0;
        buffer_grew(text, length < 0 ? 0 : (size_t)length);
    }
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static void fetch(struct tokens *tokens) {
    const struct config_entra *entra = &tokens->config->entra;
    struct router_token_request request = {entra->authority, entra->scope, entra->tenant, entra->client_id,
                                           entra->client_secret};
    buffer_clear(&tokens->url);
    buffer_clear(&tokens->body);
    tokens->error = (struct error){.code = ERROR_NONE};
    if (router_token_build(&request, &tokens->url, &tokens->body) < 0) {
        error_memory(&tokens->error);
        tell(tokens);
        return;
    }
    tokens->is_fetching = true;
    tokens->header = (struct http_header){"Content-Type", "application/x-www-form-urlencoded"};
    tokens->call = (struct http_call){.method = "POST",
                                      .url = tokens->url.bytes,
                                      .headers = &tokens->header,
                                      .header_count = 1,
                                      .body = buffer_slice(&tokens->body),
                                      .timeout_ms = tokens->config->http.timeout_seconds * 1000,
                                      .answer_limit = ANSWER_MOST,
                                      .done = on_fetched};
    http_send(tokens->http, &tokens->call);
}

static void on_fetched(struct http_call *call, const struct http_answer *answer) {
    struct tokens *tokens = CONTAINER_OF(call, struct tokens, call);
    const char *secret = tokens->config->entra.client_secret;
    struct buffer fresh;
    int64_t seconds = 0;
    buffer_init(&fresh, ROUTER_TOKEN_MOST);
    tokens->is_fetching = false;
    secrets_wipe(&tokens->body);
    if (answer->error.code != ERROR_NONE) {
        tokens->error = answer->error;
    } else if (router_token_read(answer->status, answer->body, secret, &fresh, &seconds, &tokens->error) == 0) {
        drop(tokens);
        tokens->token = fresh;
        buffer_init(&fresh, ROUTER_TOKEN_MOST);
        keep(tokens, seconds);
    }
    secrets_wipe(&fresh);
    if (tokens->error.code != ERROR_NONE) {
        error_prefix(&tokens->error, "router.entra");
        log_warn("token", "there is no token for the Job Router", LOG_TEXT("reason", tokens->error.message),
                 LOG_END);
        tokens->renew_ns = clock_monotonic_ns() + AGAIN_S * CLOCK_NS_PER_S;
    }
    tell(tokens);
}

static void keep(struct tokens *tokens, int64_t seconds) {
    int64_t now = clock_monotonic_ns();
    seconds = seconds < SHORTEST_S ? SHORTEST_S : seconds;
    int64_t margin = seconds / 10 < MARGIN_S ? seconds / 10 : MARGIN_S;
    tokens->end_ns = now + seconds * CLOCK_NS_PER_S;
    tokens->renew_ns = tokens->end_ns - margin * CLOCK_NS_PER_S;
}

static void drop(struct tokens *tokens) {
    secrets_wipe(&tokens->token);
    tokens->end_ns = 0;
}

static void tell(struct tokens *tokens) {
    loop_defer(tokens->loop, &tokens->told, on_told);
}

/* Those who come to wait meanwhile have their own turn. */
static void on_told(struct loop_task *task) {
    struct tokens *tokens = CONTAINER_OF(task, struct tokens, told);
    struct list batch;
    if (tokens->is_freed) {
        free(tokens);
        return;
    }
    struct error error = tokens->error;
    list_init(&batch);
    LIST_EACH (&tokens->waiting, node) {
        list_remove(node);
        list_append(&batch, node);
    }
    for (struct list_node *node; (node = list_take_first(&batch)) != NULL;) {
        struct token_wait *wait = CONTAINER_OF(node, struct token_wait, in_tokens);
        wait->is_waiting = false;
        wait->done(wait, error.code == ERROR_NONE ? NULL : &error);
    }
}
