// The string library of scripts. It gives what the standard one gives; where that one's C code runs or
// allocates without bound, this one asks now and then whether the turn may go on, and keeps to a stated
// size. Patterns are in patterns.c.
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

// How many bytes are worked on between two questions.
#define STRIDE (1u << 16)

void mb_check_string_size(lua_State *L, size_t size) {
  if (size > MB_MAX_STRING) luaL_error(L, "resulting string too large");
}

// Copies in strides.
static void copy(lua_State *L, mb_vm *vm, char *to, const char *from, size_t length) {
  while (length > STRIDE) {
    memcpy(to, from, STRIDE);
    to += STRIDE, from += STRIDE, length -= STRIDE;
    mb_poll(L, vm);
  }
  memcpy(to, from, length);
}

// Whether it fits into the buffer as it is.
static inline bool fits(const luaL_Buffer *buffer, size_t length) {
  size_t size = buffer->size < MB_MAX_STRING ? buffer->size : MB_MAX_STRING;
  return length <= STRIDE && buffer->n + length <= size;
}

void mb_add_bytes(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, const char *bytes, size_t length) {
  if (fits(buffer, length)) {
    memcpy(buffer->b + buffer->n, bytes, length);
  } else {
    mb_poll(L, vm);
    mb_check_string_size(L, luaL_bufflen(buffer) + length);
    copy(L, vm, luaL_prepbuffsize(buffer, length), bytes, length);
  }
  luaL_addsize(buffer, length);
}

void mb_add_value(lua_State *L, mb_vm *vm, luaL_Buffer *buffer) {
  size_t length;
  const char *bytes = lua_tolstring(L, -1, &length);
  if (fits(buffer, length)) {
    memcpy(buffer->b + buffer->n, bytes, length);
    luaL_addsize(buffer, length);
    lua_pop(L, 1);
  } else {
    mb_poll(L, vm);
    mb_check_string_size(L, luaL_bufflen(buffer) + length);
    luaL_addvalue(buffer);
  }
}

// -- Whole strings ------------------------------------------------------------------------------------

static int string_rep(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t length, gap;
  const char *text = luaL_checklstring(L, 1, &length);
  lua_Integer count = luaL_checkinteger(L, 2);
  const char *separator = luaL_optlstring(L, 3, "", &gap);
  if (count <= 0 || length + gap == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (length > MB_MAX_STRING || gap > MB_MAX_STRING ||
      (lua_Unsigned)count - 1 > (MB_MAX_STRING - length) / (length + gap))
    return luaL_error(L, "resulting string too large");
  size_t unit = length + gap, total = unit * (size_t)(count - 1) + length;
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, total);
  if (unit == 1) {
    memset(out, length ? text[0] : separator[0], total);
  } else {
    // The first one, and then twice as many each time.
    size_t done = length;
    copy(L, vm, out, text, length);
    if (count > 1) {
      copy(L, vm, out + done, separator, gap);
      done += gap;
    }
    while (done < total) {
      size_t step = done < total - done ? done : total - done;
      copy(L, vm, out + done, out, step);
      done += step;
    }
  }
  luaL_pushresultsize(&buffer, total);
  return 1;
}

static int map_bytes(lua_State *L, int (*change)(int)) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, length);
  for (size_t at = 0; at < length;) {
    size_t end = length - at > STRIDE ? at + STRIDE : length;
    for (; at < end; at++) out[at] = (char)change((unsigned char)text[at]);
    mb_poll(L, vm);
  }
  luaL_pushresultsize(&buffer, length);
  return 1;
}

static int string_lower(lua_State *L) { return map_bytes(L, tolower); }
static int string_upper(lua_State *L) { return map_bytes(L, toupper); }

static int string_reverse(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, length);
  for (size_t at = 0; at < length;) {
    size_t end = length - at > STRIDE ? at + STRIDE : length;
    for (; at < end; at++) out[at] = text[length - 1 - at];
    mb_poll(L, vm);
  }
  luaL_pushresultsize(&buffer, length);
  return 1;
}

// -- format -------------------------------------------------------------------------------------------

// The longest specification that any conversion takes, such as "%-+ #099.99f" with "ll" put in.
#define SPEC_SIZE 32
// A float takes at most this many bytes: the largest one has DBL_MAX_10_EXP + 1 digits before the point.
#define ITEM_SIZE (110 + DBL_MAX_10_EXP)

static const char FLAGS_OF_ALL[] = "-+ #0";

// Copies flags, width, precision and the conversion's letter; returns the place of the letter.
static const char *read_spec(lua_State *L, const char *at, char *spec) {
  size_t length = strspn(at, "-+ #0.123456789") + 1;
  if (length >= SPEC_SIZE - 10) luaL_error(L, "invalid format string to 'format'");
  *spec++ = '%';
  memcpy(spec, at, length);
  spec[length] = 0;
  return at + length - 1;
}

static const char *skip_two_digits(const char *at) {
  for (int i = 0; i < 2 && isdigit((unsigned char)*at); i++) at++;
  return at;
}

static void check_spec(lua_State *L, const char *spec, const char *flags, bool precision) {
  const char *at = spec + 1;
  at += strspn(at, flags);
  // A width does not begin with 0.
  if (*at != '0') {
    at = skip_two_digits(at);
    if (*at == '.' && precision) at = skip_two_digits(at + 1);
  }
  if (!isalpha((unsigned char)*at)) luaL_error(L, "invalid conversion specification: '%s'", spec);
}

static void insert_length(char *spec, const char *length) {
  size_t end = strlen(spec), size = strlen(length);
  char letter = spec[end - 1];
  memcpy(spec + end - 1, length, size);
  spec[end + size - 1] = letter;
  spec[end + size] = 0;
}

static void add_quoted(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, const char *text, size_t length) {
  luaL_addchar(buffer, '"');
  for (size_t at = 0; at < length; at++) {
    unsigned char byte = (unsigned char)text[at];
    if (at % STRIDE == 0) {
      mb_poll(L, vm);
      mb_check_string_size(L, luaL_bufflen(buffer));
    }
    if (byte == '"' || byte == '\\' || byte == '\n') {
      luaL_addchar(buffer, '\\');
      luaL_addchar(buffer, (char)byte);
    } else if (iscntrl(byte)) {
      char escape[8];
      bool digit = at + 1 < length && isdigit((unsigned char)text[at + 1]);
      snprintf(escape, sizeof escape, digit ? "\\%03d" : "\\%d", byte);
      luaL_addstring(buffer, escape);
    } else {
      luaL_addchar(buffer, (char)byte);
    }
  }
  luaL_addchar(buffer, '"');
}

// A text of the number that reads back as the same number.
static int quote_float(lua_Number number, char *room) {
  if (number == (lua_Number)HUGE_VAL) return snprintf(room, ITEM_SIZE, "1e9999");
  if (number == -(lua_Number)HUGE_VAL) return snprintf(room, ITEM_SIZE, "-1e9999");
  if (isnan(number)) return snprintf(room, ITEM_SIZE, "(0/0)");
  return snprintf(room, ITEM_SIZE, "%a", number);
}

static void add_literal(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, int argument) {
  switch (lua_type(L, argument)) {
    case LUA_TSTRING: {
      size_t length;
      const char *text = lua_tolstring(L, argument, &length);
      add_quoted(L, vm, buffer, text, length);
      break;
    }
    case LUA_TNUMBER: {
      char *room = luaL_prepbuffsize(buffer, ITEM_SIZE);
      int length;
      if (!lua_isinteger(L, argument)) {
        length = quote_float(lua_tonumber(L, argument), room);
      } else {
        lua_Integer number = lua_tointeger(L, argument);
        // Written in decimal the smallest one would read back as a float.
        const char *form = number == LUA_MININTEGER ? "0x%llx" : "%lld";
        length = snprintf(room, ITEM_SIZE, form, (long long)number);
      }
      luaL_addsize(buffer, (size_t)length);
      break;
    }
    case LUA_TNIL:
    case LUA_TBOOLEAN:
      luaL_tolstring(L, argument, NULL);
      luaL_addvalue(buffer);
      break;
    default: luaL_argerror(L, argument, "value has no literal form");
  }
}

static void add_text(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, char *spec, int argument) {
  size_t length;
  const char *text = mb_tolstring(L, argument, &length);
  if (spec[2] == 0) {
    mb_add_value(L, vm, buffer);
    return;
  }
  luaL_argcheck(L, length == strlen(text), argument, "string contains zeros");
  check_spec(L, spec, "-", true);
  if (!strchr(spec, '.') && length >= 100) {
    // No width makes this longer.
    mb_add_value(L, vm, buffer);
    return;
  }
  char *room = luaL_prepbuffsize(buffer, ITEM_SIZE);
  luaL_addsize(buffer, (size_t)snprintf(room, ITEM_SIZE, spec, text));
  lua_pop(L, 1);
}

static int string_format(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  int last = lua_gettop(L), argument = 1;
  size_t length;
  const char *at = luaL_checklstring(L, 1, &length), *end = at + length;
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  while (at < end) {
    if (*at != '%') {
      const char *plain = memchr(at, '%', (size_t)(end - at));
      size_t count = (size_t)((plain ? plain : end) - at);
      mb_add_bytes(L, vm, &buffer, at, count);
      at += count;
      continue;
    }
    if (*++at == '%') {
      luaL_addchar(&buffer, *at++);
      continue;
    }
    mb_poll(L, vm);
    mb_check_string_size(L, luaL_bufflen(&buffer));
    if (++argument > last) return luaL_argerror(L, argument, "no value");
    char spec[SPEC_SIZE];
    at = read_spec(L, at, spec);
    const char *flags = NULL;
    int count = 0;
    char *room;
    switch (*at++) {
      case 'c':
        check_spec(L, spec, "-", false);
        room = luaL_prepbuffsize(&buffer, ITEM_SIZE);
        count = snprintf(room, ITEM_SIZE, spec, (int)luaL_checkinteger(L, argument));
        break;
      case 'd':
      case 'i': flags = "-+0 "; goto integer;
      case 'u': flags = "-0"; goto integer;
      case 'o':
      case 'x':
      case 'X':
        flags = "-#0";
      integer: {
        lua_Integer number = luaL_checkinteger(L, argument);
        check_spec(L, spec, flags, true);
        insert_length(spec, "ll");
        room = luaL_prepbuffsize(&buffer, ITEM_SIZE);
        count = snprintf(room, ITEM_SIZE, spec, (long long)number);
        break;
      }
      case 'a':
      case 'A':
        check_spec(L, spec, FLAGS_OF_ALL, true);
        room = luaL_prepbuffsize(&buffer, ITEM_SIZE);
        count = snprintf(room, ITEM_SIZE, spec, (double)luaL_checknumber(L, argument));
        break;
      case 'f':
      case 'e':
      case 'E':
      case 'g':
      case 'G': {
        double number = (double)luaL_checknumber(L, argument);
        check_spec(L, spec, FLAGS_OF_ALL, true);
        room = luaL_prepbuffsize(&buffer, ITEM_SIZE);
        count = snprintf(room, ITEM_SIZE, spec, number);
        break;
      }
      case 'p': return luaL_error(L, "'%%p' shows addresses, which scripts do not get");
      case 'q':
        if (spec[2] != 0) return luaL_error(L, "specifier '%%q' cannot have modifiers");
        add_literal(L, vm, &buffer, argument);
        break;
      case 's': add_text(L, vm, &buffer, spec, argument); break;
      default: return luaL_error(L, "invalid conversion '%s' to 'format'", spec);
    }
    luaL_addsize(&buffer, (size_t)count);
  }
  mb_check_string_size(L, luaL_bufflen(&buffer));
  luaL_pushresult(&buffer);
  return 1;
}

// -- pack ---------------------------------------------------------------------------------------------

// The standard function fills up what "c" asks for one byte at a time: a short format could make
// gigabytes. (Upvalue 1: the standard function, which runs in this one's place.)
static int string_pack(lua_State *L) {
  size_t total = 0;
  for (const char *at = luaL_checkstring(L, 1); *at; at++) {
    if (*at != 'c') continue;
    size_t size = 0;
    for (; isdigit((unsigned char)at[1]); at++)
      if (size <= MB_MAX_STRING) size = size * 10 + (size_t)(at[1] - '0');
    total += size < MB_MAX_STRING ? size : MB_MAX_STRING;
    luaL_argcheck(L, total < MB_MAX_STRING, 1, "format result too large");
  }
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void mb_open_strings(lua_State *L) {
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
  static const luaL_Reg functions[] = {
      {"find", mb_string_find},   {"match", mb_string_match}, {"gmatch", mb_string_gmatch},
      {"gsub", mb_string_gsub},   {"rep", string_rep},        {"format", string_format},
      {"lower", string_lower},    {"upper", string_upper},    {"reverse", string_reverse},
      {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "pack");
  lua_pushcclosure(L, string_pack, 1);
  lua_setfield(L, -2, "pack");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  // The metatable of strings is one for all scripts.
  lua_pushliteral(L, "");
  if (lua_getmetatable(L, -1)) {
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}
