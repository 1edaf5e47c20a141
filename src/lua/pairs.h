/* The sandbox's pairs: it walks in a fixed order, so that a run that is done again takes the same steps.
 *
 * Numbers come first, by value; then strings, by their bytes; then false and true. Keys of other types (tables,
 * functions) have no order that could be kept from process to process: they come last, in the table's own. Keys
 * are taken when pairs is called: one that is removed meanwhile is left out, one that is added is not met. */
#ifndef LUA_PAIRS_H
#define LUA_PAIRS_H

#include <lua.h>

/* As scripts see it: honours __pairs. */
int pairs_lua(lua_State *L);
/* The iterator alone, for the table at index 1, without a look at __pairs. The table stays inside of it: a
 * loop over a read-only table never shows what lies behind the proxy. Leaves the table and the iterator on the
 * stack. */
int pairs_push_iterator(lua_State *L);

#endif
