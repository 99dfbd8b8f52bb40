// load(chunk, name, mode, environment): text only, of a stated size, under a name that is no file's.
#include <string.h>

#include "bridge.h"

// Joins the pieces of a reader function at 1 into one text, which takes its place. So no script code runs
// inside the compiler. (Each piece is the result of a call, at which a turn that is over ends.)
static void join_pieces(lua_State *L) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (;;) {
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) break;
    if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
    size_t length;
    lua_tolstring(L, -1, &length);
    if (length == 0) break;
    luaL_addvalue(&buffer);
    // What is too long is refused below.
    if (luaL_bufflen(&buffer) > MB_MAX_SOURCE) {
      lua_pushnil(L);
      break;
    }
  }
  lua_pop(L, 1);
  luaL_pushresult(&buffer);
  lua_replace(L, 1);
}

static int base_load(lua_State *L) {
  const char *name = NULL;
  if (!lua_isstring(L, 1)) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    name = "(load)";
  }
  const char *mode = luaL_optstring(L, 3, "t");
  bool has_environment = !lua_isnone(L, 4);
  lua_settop(L, 4);
  // The compiler takes more of the C stack than most.
  mb_check_stack(L);
  if (name) join_pieces(L);
  size_t length;
  const char *source = lua_tolstring(L, 1, &length);
  name = luaL_optstring(L, 2, name ? name : source);
  // '@' and '=' would let it pass for a file, or for a part of the host.
  name += strspn(name, "@=");
  if (length > MB_MAX_SOURCE) {
    lua_pushnil(L);
    lua_pushfstring(L, "the text is too long to load: more than %d bytes", (int)MB_MAX_SOURCE);
    return 2;
  }
  if (!strchr(mode, 't')) {
    lua_pushnil(L);
    lua_pushfstring(L, "attempt to load a text chunk (mode is '%s'): scripts load nothing else", mode);
    return 2;
  }
  if (luaL_loadbufferx(L, source, length, name, "t") != LUA_OK) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_environment) {
    lua_pushvalue(L, 4);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}

void mb_open_loading(lua_State *L) { lua_register(L, "load", base_load); }
