// What `tostring` makes of values: as in Lua, but what has no text of its own is shown by a number, in the
// order in which the machine was first asked, and not by its address, which would help to attack the host
// and differ from run to run.
#include <stdio.h>

#include "bridge.h"

// The number of the value on top of the stack, which it keeps for as long as it lives.
static lua_Integer number_of(lua_State *L, mb_vm *vm) {
  luaL_checkstack(L, 4, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->numbers);
  lua_pushvalue(L, -2);
  if (lua_rawget(L, -2) == LUA_TNUMBER) {
    lua_Integer number = lua_tointeger(L, -1);
    lua_pop(L, 2);
    return number;
  }
  lua_pop(L, 1);
  lua_pushvalue(L, -2);
  lua_pushinteger(L, ++vm->numbered);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return vm->numbered;
}

const char *mb_tolstring(lua_State *L, int index, size_t *length) {
  index = lua_absindex(L, index);
  int type = lua_type(L, index);
  switch (type) {
    case LUA_TTABLE:
    case LUA_TUSERDATA:
      if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        mb_check_stack(L);
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        if (!lua_isstring(L, -1)) luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, length);
      }
      break;
    case LUA_TFUNCTION:
    case LUA_TTHREAD:
    case LUA_TLIGHTUSERDATA: break;
    default: return luaL_tolstring(L, index, length);
  }
  lua_pushvalue(L, index);
  lua_Integer number = number_of(L, mb_vm_of(L));
  lua_pop(L, 1);
  const char *kind = lua_typename(L, type);
  int named = luaL_getmetafield(L, index, "__name");
  if (named == LUA_TSTRING) kind = lua_tostring(L, -1);
  lua_pushfstring(L, "%s: %I", kind, number);
  if (named != LUA_TNIL) lua_remove(L, -2);
  return lua_tolstring(L, -1, length);
}

static int base_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  mb_tolstring(L, 1, NULL);
  return 1;
}

// For machines whose owner has not put a log in its place.
static int base_print(lua_State *L) {
  int count = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    size_t length;
    const char *text = mb_tolstring(L, i, &length);
    if (i > 1) fputc('\t', stdout);
    fwrite(text, 1, length, stdout);
    lua_pop(L, 1);
  }
  fputc('\n', stdout);
  fflush(stdout);
  return 0;
}

void mb_push_weak_table(lua_State *L, const char *mode) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

void mb_open_names(lua_State *L, mb_vm *vm) {
  mb_push_weak_table(L, "k");
  vm->numbers = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_register(L, "tostring", base_tostring);
  lua_register(L, "print", base_print);
}
