#include "worker/place.h"
#include "lua/trace.h"
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* A signal's handler is given nothing: what it works on must be the process's. */
static lua_State *volatile running;
static struct wire_page *volatile watching;

static void write_place(lua_State *L, lua_Debug *frame);

static void on_signal(int number) {
    (void)number;
    lua_State *L = running;
    if (L != NULL) {
        lua_sethook(L, write_place, LUA_MASKCOUNT, 1);
    }
}

void place_watch(lua_State *L, struct wire_page *page) {
    watching = page;
    running = L;
}

void place_install(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGURG, &action, NULL);
}

static void write_place(lua_State *L, lua_Debug *frame) {
    (void)frame;
    lua_sethook(L, NULL, 0, 0);
    struct wire_page *page = watching;
    if (page == NULL) {
        return;
    }
    struct buffer place;
    buffer_init(&place, sizeof page->place - 1);
    if (trace_append_place(L, &place)) {
        memcpy(page->place, place.bytes, place.length + 1);
        atomic_store(&page->place_slice, atomic_load(&page->slice));
    }
    buffer_reset(&place);
}
