// Looking into functions: whether two of them were compiled from one text and have captured the same. For the
// host's own Lua code; scripts have no way to it, since it would show them each other's upvalues.
#include "bridge.h"

// FNV-1a, over all that the compiler has made of the text, with places and names.
static int hash_code(lua_State *L, const void *bytes, size_t size, void *hash) {
  (void)L;
  const unsigned char *byte = bytes;
  lua_Unsigned value = *(lua_Unsigned *)hash;
  for (size_t i = 0; i < size; i++) value = (value ^ byte[i]) * 1099511628211u;
  *(lua_Unsigned *)hash = value;
  return 0;
}

static int code(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  if (lua_iscfunction(L, 1)) return 0;
  lua_Unsigned hash = 14695981039346656037u;
  lua_dump(L, hash_code, &hash, 0);
  lua_pushinteger(L, (lua_Integer)hash);
  return 1;
}

static int captured(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const char *name = lua_getupvalue(L, 1, (int)luaL_checkinteger(L, 2));
  if (!name) return 0;
  lua_pushstring(L, name);
  lua_insert(L, -2);
  return 2;
}

static int do_make_inspectors(lua_State *L) {
  lua_pushcfunction(L, code);
  mb_encode_reference(L, mb_vm_of(L), -1);
  lua_pushcfunction(L, captured);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_make_inspectors(mb_vm *vm) { return mb_protect(vm, do_make_inspectors); }
