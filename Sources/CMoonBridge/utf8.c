// The utf8 library of scripts: as the standard one, with loops that ask whether the turn may go on, and
// without the bug of Lua before 5.4.5, whose `codes` passes over stray continuation bytes.
#include <limits.h>

#include "bridge.h"

#define LARGEST 0x7FFFFFFFu

static const char INVALID[] = "invalid UTF-8 code";

static bool is_continuation(const char *at) { return ((unsigned char)*at & 0xC0) == 0x80; }

// The end of the sequence at `at`, or NULL. The zero behind a string ends any sequence.
static const char *decode(const char *at, uint32_t *code, bool strict) {
  // The least code that needs so many continuation bytes.
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000};
  unsigned char first = (unsigned char)*at;
  if (first < 0x80) {
    *code = first;
    return at + 1;
  }
  int more = 0;
  while (more < 7 && first & (0x40u >> more)) more++;
  if (more == 0 || more > 5) return NULL;
  uint32_t value = first & (0x3Fu >> more);
  for (int i = 1; i <= more; i++) {
    if (!is_continuation(at + i)) return NULL;
    value = value << 6 | ((unsigned char)at[i] & 0x3F);
  }
  if (value < least[more]) return NULL;
  if (strict && (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))) return NULL;
  *code = value;
  return at + more + 1;
}

static lua_Integer from_end(lua_Integer position, size_t length) {
  if (position >= 0) return position;
  return position < -(lua_Integer)length ? 0 : (lua_Integer)length + position + 1;
}

static int utf8_len(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_Integer first = from_end(luaL_optinteger(L, 2, 1), length);
  lua_Integer last = from_end(luaL_optinteger(L, 3, -1), length);
  bool strict = !lua_toboolean(L, 4);
  luaL_argcheck(L, first >= 1 && first - 1 <= (lua_Integer)length, 2, "initial position out of bounds");
  luaL_argcheck(L, last <= (lua_Integer)length, 3, "final position out of bounds");
  const char *at = text + first - 1;
  lua_Integer count = 0;
  for (; at - text < last; count++) {
    uint32_t code;
    const char *next = decode(at, &code, strict);
    mb_poll(L, vm);
    if (!next) {
      lua_pushnil(L);
      lua_pushinteger(L, at - text + 1);
      return 2;
    }
    at = next;
  }
  lua_pushinteger(L, count);
  return 1;
}

static int utf8_codepoint(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_Integer first = from_end(luaL_optinteger(L, 2, 1), length);
  lua_Integer last = from_end(luaL_optinteger(L, 3, first), length);
  bool strict = !lua_toboolean(L, 4);
  luaL_argcheck(L, first >= 1, 2, "out of bounds");
  luaL_argcheck(L, last <= (lua_Integer)length, 3, "out of bounds");
  if (first > last) return 0;
  if (last - first >= INT_MAX) return luaL_error(L, "string slice too long");
  luaL_checkstack(L, (int)(last - first) + 1, "string slice too long");
  int count = 0;
  for (const char *at = text + first - 1; at < text + last; count++) {
    uint32_t code;
    mb_poll(L, vm);
    at = decode(at, &code, strict);
    if (!at) return luaL_error(L, "%s", INVALID);
    lua_pushinteger(L, code);
  }
  return count;
}

static void push_character(lua_State *L, int argument) {
  lua_Unsigned code = (lua_Unsigned)luaL_checkinteger(L, argument);
  luaL_argcheck(L, code <= LARGEST, argument, "value out of range");
  lua_pushfstring(L, "%U", (long)code);
}

static int utf8_char(lua_State *L) {
  int count = lua_gettop(L);
  if (count == 1) {
    push_character(L, 1);
    return 1;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (int i = 1; i <= count; i++) {
    push_character(L, i);
    luaL_addvalue(&buffer);
  }
  luaL_pushresult(&buffer);
  return 1;
}

static int utf8_offset(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length), *end = text + length;
  lua_Integer count = luaL_checkinteger(L, 2);
  lua_Integer start = from_end(luaL_optinteger(L, 3, count >= 0 ? 1 : (lua_Integer)length + 1), length);
  luaL_argcheck(L, start >= 1 && start - 1 <= (lua_Integer)length, 3, "position out of bounds");
  const char *at = text + start - 1;
  if (count == 0) {
    for (; at > text && is_continuation(at); at--) mb_poll(L, vm);
  } else {
    if (is_continuation(at)) return luaL_error(L, "initial position is a continuation byte");
    for (; count < 0 && at > text; count++) {
      do {
        at--;
        mb_poll(L, vm);
      } while (at > text && is_continuation(at));
    }
    if (count > 0) {
      for (count--; count > 0 && at < end; count--) {
        do {
          at++;
          mb_poll(L, vm);
        } while (is_continuation(at));
      }
    }
  }
  if (count == 0)
    lua_pushinteger(L, at - text + 1);
  else
    lua_pushnil(L);
  return 1;
}

static int next_code(lua_State *L, bool strict) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  // The position of the character before, counted from 1, is the offset of the byte behind its first.
  lua_Unsigned at = (lua_Unsigned)lua_tointeger(L, 2);
  for (; at < length && is_continuation(text + at); at++) mb_poll(L, vm);
  if (at >= length) return 0;
  uint32_t code;
  const char *next = decode(text + at, &code, strict);
  if (!next || is_continuation(next)) return luaL_error(L, "%s", INVALID);
  lua_pushinteger(L, (lua_Integer)at + 1);
  lua_pushinteger(L, code);
  return 2;
}

static int next_code_strict(lua_State *L) { return next_code(L, true); }
static int next_code_lax(lua_State *L) { return next_code(L, false); }

static int utf8_codes(lua_State *L) {
  bool lax = lua_toboolean(L, 2);
  luaL_argcheck(L, !is_continuation(luaL_checkstring(L, 1)), 1, INVALID);
  lua_pushcfunction(L, lax ? next_code_lax : next_code_strict);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

void mb_open_utf8(lua_State *L) {
  luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
  static const luaL_Reg functions[] = {{"len", utf8_len},       {"codepoint", utf8_codepoint},
                                       {"char", utf8_char},     {"offset", utf8_offset},
                                       {"codes", utf8_codes},   {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
