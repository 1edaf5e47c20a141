/* JSON into Lua tables: our reader (src/lua/json_in.c) against cJSON's tree and a walk over it, by turns, in one
 * sandbox: cost_json [ROUNDS]. Prints lines of name, bytes, microseconds of ours and of cJSON (medians of the
 * rounds), with tabs between. The collector stands still while the clock runs, and cleans up between. */
#include "base/clock.h"
#include "lua/json_in.h"
#include "lua/json_out.h"
#include "lua/sandbox.h"
#include <cJSON.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char event[] =
    "{\"id\":\"7f7d6f2e-6d7c-4a0b-9d65-6d5f5b1f3c55\",\"topic\":\"/subscriptions/5c1e8a0e-3f0b-4f7c-9f39-1f6a3d9b"
    "7e11/resourceGroups/contact-centre/providers/Microsoft.Communication/communicationServices/harbour\","
    "\"subject\":\"job/job-17/channel/voice\",\"data\":{\"jobId\":\"job-17\",\"channelReference\":\"call-20931\","
    "\"channelId\":\"voice\",\"queueId\":\"support\",\"priority\":5,\"scheduledOn\":\"2026-03-01T09:30:00."
    "0000000Z\","
    "\"unavailableForMatching\":true,\"note\":\"the caller said \\\"as soon as possible\\\" \\u2013 in "
    "M\xC3\xBCnchen\","
    "\"labels\":{\"Locale\":\"en-us\",\"Segment\":\"Gold\",\"Level\":4,\"Score\":0.875,\"Token\":\"FooToken\"},"
    "\"tags\":{\"campaign\":\"spring\",\"source\":\"web\"},\"requestedWorkerSelectors\":[{\"key\":\"Language\","
    "\"labelOperator\":\"equal\",\"value\":\"de\",\"ttlSeconds\":36,\"state\":\"active\",\"expirationTime\":"
    "\"2026-03-01T09:31:00.0000000Z\"},{\"key\":\"Level\",\"labelOperator\":\"greaterThanOrEqual\",\"value\":3,"
    "\"ttlSeconds\":null,\"state\":\"active\",\"expirationTime\":null}],\"attachedWorkerSelectors\":[]},"
    "\"eventType\":\"Microsoft.Communication.RouterJobWaitingForActivation\",\"dataVersion\":\"1.0\","
    "\"metadataVersion\":\"1\",\"eventTime\":\"2026-03-01T09:30:00.1736293Z\"}";

enum { MOST_ROUNDS = 4096, MEMORY = 2000 << 20 };

struct body {
    const char *name;
    struct buffer text;
    size_t rounds; /* of the default */
};

typedef int (*push_function)(lua_State *L, struct slice text);

static int extend(lua_State *L) {
    (void)L;
    return 0;
}

static int push_ours(lua_State *L, struct slice text) {
    struct json_error error;
    return json_in_push(L, text, &error);
}

static void push_tree(lua_State *L, const cJSON *value) {
    if (cJSON_IsObject(value)) {
        lua_newtable(L);
        for (const cJSON *member = value->child; member != NULL; member = member->next) {
            if (!cJSON_IsNull(member)) {
                lua_pushstring(L, member->string);
                push_tree(L, member);
                lua_rawset(L, -3);
            }
        }
    } else if (cJSON_IsArray(value)) {
        lua_Integer index = 0;
        lua_newtable(L);
        json_out_mark(L);
        for (const cJSON *element = value->child; element != NULL; element = element->next) {
            push_tree(L, element);
            lua_rawseti(L, -2, ++index);
        }
    } else if (cJSON_IsString(value)) {
        lua_pushstring(L, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        lua_Integer integer = (lua_Integer)value->valuedouble;
        if ((double)integer < value->valuedouble || (double)integer > value->valuedouble) {
            lua_pushnumber(L, value->valuedouble);
        } else {
            lua_pushinteger(L, integer);
        }
    } else if (cJSON_IsNull(value)) {
        lua_pushlightuserdata(L, NULL);
    } else {
        lua_pushboolean(L, cJSON_IsTrue(value));
    }
}

static int push_theirs(lua_State *L, struct slice text) {
    cJSON *tree = cJSON_ParseWithLength(text.bytes, text.length);
    if (tree == NULL) {
        return -1;
    }
    luaL_checkstack(L, 512, "the tree");
    push_tree(L, tree);
    cJSON_Delete(tree);
    return 0;
}

static int64_t measure(lua_State *L, push_function push, struct slice text) {
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCSTOP);
    int64_t begin = clock_monotonic_ns();
    int result = push(L, text);
    int64_t took = clock_monotonic_ns() - begin;
    lua_settop(L, 0);
    lua_gc(L, LUA_GCRESTART);
    return result < 0 ? -1 : took;
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int bench(lua_State *L, const struct body *body, size_t rounds) {
    static int64_t ours[MOST_ROUNDS], theirs[MOST_ROUNDS];
    struct slice text = buffer_slice(&body->text);
    rounds = rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
    for (size_t i = 0; i < rounds; i++) {
        ours[i] = measure(L, push_ours, text);
        theirs[i] = measure(L, push_theirs, text);
        if (ours[i] < 0 || theirs[i] < 0) {
            (void)fprintf(stderr, "%s: cannot be read\n", body->name);
            return -1;
        }
    }
    qsort(ours, rounds, sizeof *ours, compare);
    qsort(theirs, rounds, sizeof *theirs, compare);
    (void)printf("%s\t%zu\t%.1f\t%.1f\n", body->name, text.length, (double)ours[rounds / 2] / 1e3,
                 (double)theirs[rounds / 2] / 1e3);
    return 0;
}

static int make_body(struct body *body, size_t size) {
    buffer_init(&body->text, size + 2 * sizeof event);
    if (size == 0) {
        return buffer_append_text(&body->text, event);
    }
    while (body->text.length + sizeof event < size) {
        (void)buffer_append_text(&body->text, body->text.length == 0 ? "[" : ",");
        (void)buffer_append_text(&body->text, event);
    }
    return buffer_append_text(&body->text, "]");
}

int main(int count, char **arguments) {
    struct body bodies[] = {
        {.name = "event", .rounds = 4001}, {.name = "batch", .rounds = 1001}, {.name = "largest", .rounds = 41}};
    static const size_t sizes[] = {0, 64 << 10, 4 << 20};
    size_t rounds = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    struct error error = {0};
    struct sandbox *sandbox = sandbox_new(MEMORY, extend, NULL, &error);
    int result = sandbox == NULL ? -1 : 0;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0] && result == 0; i++) {
        result = make_body(&bodies[i], sizes[i]);
        if (result == 0) {
            result = bench(sandbox->L, &bodies[i], rounds == 0 ? bodies[i].rounds : rounds);
        }
        buffer_reset(&bodies[i].text);
    }
    sandbox_free(sandbox);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
