// Where errors are placed: at the line of the script that is to blame, however much Lua of the host lies between.
#include <string.h>

#include "bridge.h"

static const char host_chunk[] = MB_HOST_CHUNK;

static bool is_host_chunk(const lua_Debug *place) { return place->source[0] == '='; }

bool mb_find_script(lua_State *L, int level, lua_Debug *place) {
  for (; lua_getstack(L, level, place); level++) {
    lua_getinfo(L, "Sl", place);
    // Chunks named with '=' are the host's own Lua; what C functions are called by follows.
    if (place->currentline > 0 && !is_host_chunk(place)) return true;
  }
  return false;
}

// Lua's own `luaL_where`, for a caller that is the host's Lua as well: levels that the host counts would name
// its own lines, or miss the script's, depending on who has called.
void mb_where(lua_State *L, int level) {
  lua_Debug place;
  // A C function that has called, such as pcall, is no Lua of the host.
  bool is_host = lua_getstack(L, 1, &place) && lua_getinfo(L, "S", &place) && is_host_chunk(&place) &&
                 place.what[0] != 'C';
  if (!is_host && lua_getstack(L, level, &place)) {
    lua_getinfo(L, "S", &place);
    is_host = is_host_chunk(&place) && place.what[0] != 'C';
  }
  if (!is_host) {
    luaL_where(L, level);
  } else if (mb_find_script(L, 1, &place)) {
    lua_pushfstring(L, "%s:%d: ", place.short_src, place.currentline);
  } else {
    lua_pushliteral(L, "");
  }
}

// The length of the place in the host's own Lua that a text begins with; 0 for other texts.
static size_t host_place(const char *text) {
  size_t at = sizeof host_chunk - 1;
  if (strncmp(text, host_chunk, at) != 0 || text[at] != ':') return 0;
  size_t digits = strspn(text + at + 1, "0123456789");
  at += 1 + digits;
  return digits > 0 && strncmp(text + at, ": ", 2) == 0 ? at + 2 : 0;
}

void mb_place_error(lua_State *L, const lua_Debug *script) {
  if (lua_type(L, -1) != LUA_TSTRING) return;
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  size_t skipped = host_place(text);
  if (skipped == 0 || !lua_checkstack(L, 4)) return;
  if (script)
    lua_pushfstring(L, "%s:%d: ", script->short_src, script->currentline);
  else
    lua_pushliteral(L, "");
  lua_pushlstring(L, text + skipped, length - skipped);
  lua_concat(L, 2);
  lua_remove(L, -2);
}

int mb_place_raised(lua_State *L) {
  lua_settop(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING || host_place(lua_tostring(L, 1)) == 0) return 1;
  lua_Debug place;
  mb_place_error(L, mb_find_script(L, 1, &place) ? &place : NULL);
  return 1;
}
