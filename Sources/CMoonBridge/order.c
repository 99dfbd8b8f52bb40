// Walks over plain tables in a stated order: whole numbers, other numbers, texts by their bytes, false, true, and
// everything else as Lua has it. Lua's own order depends on where things lie in memory, so that a run which is to be
// repeated in another process would take another way; a host that records asks for this one.
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// What stands where among keys of different types.
enum { WHOLE, NUMBER, TEXT, BOOLEAN, OTHER };

typedef struct {
  int kind;
  // The position in which Lua gave it, which is all that tells keys without an order apart.
  lua_Integer place;
  union {
    lua_Integer whole;
    lua_Number number;
    int boolean;
    struct {
      const char *bytes;
      size_t length;
    } text;
  };
} sorted_key;

static sorted_key describe(lua_State *L, int index, lua_Integer place) {
  sorted_key key = {.kind = OTHER, .place = place};
  switch (lua_type(L, index)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        key.kind = WHOLE;
        key.whole = lua_tointeger(L, index);
      } else {
        key.kind = NUMBER;
        key.number = lua_tonumber(L, index);
      }
      break;
    case LUA_TSTRING:
      key.kind = TEXT;
      key.text.bytes = lua_tolstring(L, index, &key.text.length);
      break;
    case LUA_TBOOLEAN:
      key.kind = BOOLEAN;
      key.boolean = lua_toboolean(L, index);
      break;
    default: break;
  }
  return key;
}

static int compare(const void *left, const void *right) {
  const sorted_key *a = left, *b = right;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  switch (a->kind) {
    case WHOLE: return (a->whole > b->whole) - (a->whole < b->whole);
    case NUMBER: return (a->number > b->number) - (a->number < b->number);
    case BOOLEAN: return a->boolean - b->boolean;
    case TEXT: {
      size_t shorter = a->text.length < b->text.length ? a->text.length : b->text.length;
      int difference = memcmp(a->text.bytes, b->text.bytes, shorter);
      if (difference != 0) return difference;
      return (a->text.length > b->text.length) - (a->text.length < b->text.length);
    }
    default: return (a->place > b->place) - (a->place < b->place);
  }
}

// Whether Lua's own order is the stated one, as it is for lists and for tables with one key.
static bool is_in_order(lua_State *L, mb_vm *vm, int table, lua_Integer *count) {
  bool in_order = true;
  *count = 0;
  sorted_key last = {.kind = WHOLE};
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    if (mb_is_hidden(L, vm, -1)) continue;
    mb_poll(L, vm);
    sorted_key key = describe(L, -1, *count);
    if (*count > 0 && in_order) in_order = compare(&last, &key) <= 0;
    // The text stays where it is: the table has it for a key.
    last = key;
    (*count)++;
  }
  return in_order;
}

// Pushes a list of the keys of the table, in order.
static void push_keys(lua_State *L, mb_vm *vm, int table, lua_Integer count) {
  luaL_checkstack(L, 8, NULL);
  if ((lua_Unsigned)count > MB_MAX_ELEMENTS) luaL_error(L, "too many keys to walk over");
  lua_createtable(L, (int)count, 0);
  int given = lua_gettop(L);
  // Lua's own, so that it goes with the walk, whatever ends it.
  sorted_key *keys = lua_newuserdatauv(L, (size_t)(count ? count : 1) * sizeof *keys, 0);
  lua_Integer found = 0;
  lua_pushnil(L);
  while (found < count && lua_next(L, table)) {
    lua_pop(L, 1);
    if (mb_is_hidden(L, vm, -1)) continue;
    keys[found] = describe(L, -1, found);
    lua_pushvalue(L, -1);
    lua_rawseti(L, given, ++found);
  }
  lua_settop(L, given + 1);
  qsort(keys, (size_t)found, sizeof *keys, compare);
  lua_createtable(L, (int)found, 0);
  for (lua_Integer i = 0; i < found; i++) {
    lua_rawgeti(L, given, keys[i].place + 1);
    lua_rawseti(L, -2, i + 1);
  }
  lua_replace(L, given);
  lua_settop(L, given);
}

// The iterator of a walk. (Upvalue 1: the keys; upvalue 2: how many were given.)
static int walk(lua_State *L) {
  lua_settop(L, 1);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
  while (true) {
    lua_pushinteger(L, ++at);
    lua_replace(L, lua_upvalueindex(2));
    if (lua_rawgeti(L, lua_upvalueindex(1), at) == LUA_TNIL) return 1;
    lua_pushvalue(L, -1);
    // One that was taken out meanwhile is passed over.
    if (lua_rawget(L, 1) != LUA_TNIL) return 2;
    lua_settop(L, 1);
  }
}

int mb_ordered_pairs(lua_State *L, lua_CFunction next) {
  mb_vm *vm = mb_vm_of(L);
  if (lua_type(L, 1) == LUA_TTABLE) {
    lua_Integer count;
    if (!is_in_order(L, vm, 1, &count)) {
      push_keys(L, vm, 1, count);
      lua_pushinteger(L, 0);
      lua_pushcclosure(L, walk, 2);
      lua_pushvalue(L, 1);
      lua_pushnil(L);
      return 3;
    }
  }
  lua_pushcfunction(L, next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

// The key that comes after the one at 2, by looking at all: `next` knows nothing of an earlier call.
int mb_ordered_next(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  bool is_first = lua_isnil(L, 2);
  sorted_key after = describe(L, 2, 0), best = {.kind = OTHER};
  bool is_found = false, is_past = is_first || after.kind != OTHER;
  if (!is_first && after.kind == OTHER && lua_rawequal(L, 2, 2)) {
    // Its place among the keys without an order is where Lua gives it.
    lua_Integer place = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
      lua_pop(L, 1);
      if (lua_rawequal(L, -1, 2)) {
        after.place = place;
        is_past = true;
        lua_pop(L, 1);
        break;
      }
      place++;
    }
    if (!is_past) return luaL_error(L, "invalid key to 'next'");
  }
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_Integer place = 0;
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    lua_pop(L, 1);
    mb_poll(L, vm);
    if (!mb_is_hidden(L, vm, -1)) {
      sorted_key key = describe(L, -1, place);
      if ((is_first || compare(&key, &after) > 0) && (!is_found || compare(&key, &best) < 0)) {
        best = key;
        is_found = true;
        lua_pushvalue(L, -1);
        lua_replace(L, 3);
      }
    }
    place++;
  }
  lua_settop(L, 3);
  if (!is_found) return 1;
  lua_pushvalue(L, 3);
  lua_rawget(L, 1);
  return 2;
}

void mb_set_ordered(mb_vm *vm) { vm->ordered = true; }
