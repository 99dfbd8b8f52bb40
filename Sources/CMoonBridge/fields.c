// Tables that describe something, such as the definition of a store, read in one crossing.
#include "bridge.h"

// Whether a table has names for keys and functions for values, and how many; nothing at all is no such table.
static int64_t count_functions(lua_State *L, int table) {
  int64_t count = 0;
  lua_pushnil(L);
  for (; lua_next(L, table); count++) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TFUNCTION) {
      lua_pop(L, 2);
      return 0;
    }
    lua_pop(L, 1);
  }
  return count;
}

// Appends what stands on top of the stack, and pops it; with a function goes the line at which it begins.
static void append_field(lua_State *L, mb_vm *vm) {
  bool is_function = lua_type(L, -1) == LUA_TFUNCTION;
  mb_encode_reference(L, vm, -1);
  mb_hold(vm, &vm->tokens[vm->token_count - 1]);
  if (!is_function) {
    lua_pop(L, 1);
    return;
  }
  lua_Debug place;
  lua_getinfo(L, ">S", &place);
  if (place.linedefined > 0) vm->tokens[vm->token_count - 1].pointer = (void *)(intptr_t)place.linedefined;
}

// No bytes are copied: the table keeps its texts, and whoever reads the tokens keeps the table.
static void append_name(lua_State *L, mb_vm *vm, int index) {
  mb_value name = {.tag = MB_STRING};
  size_t length;
  name.pointer = lua_tolstring(L, index, &length);
  name.bits = (int64_t)length;
  mb_token_append(vm, name, false);
}

static void append_functions(lua_State *L, mb_vm *vm, int table, int64_t count) {
  mb_token_append(vm, (mb_value){.tag = MB_MAP, .bits = count}, false);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    append_name(L, vm, -2);
    append_field(L, vm);
  }
}

static int do_table_fields(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkstack(L, 12, NULL);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    if (lua_type(L, 2) == LUA_TSTRING)
      append_name(L, vm, 2);
    else
      mb_token_append(vm, (mb_value){.tag = MB_NIL}, false);
    int64_t functions = lua_type(L, 3) == LUA_TTABLE ? count_functions(L, 3) : 0;
    if (functions) {
      append_functions(L, vm, 3, functions);
      lua_pop(L, 1);
    } else {
      append_field(L, vm);
    }
  }
  return 0;
}

int32_t mb_table_fields(mb_vm *vm, int32_t table) {
  vm->entry.function = table;
  return mb_protect(vm, do_table_fields);
}
