// Values on their way between Lua and Swift: tables to tokens and back.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// -- The buffers ------------------------------------------------------------------------------------

static void out_of_memory(void) {
  // Swift has no way to go on without memory either; a message beats a wild pointer.
  fputs("moonstore: out of memory\n", stderr);
  abort();
}

size_t mb_token_count(const mb_vm *vm) { return vm->token_count; }

mb_value *mb_tokens(mb_vm *vm) { return vm->tokens; }

static void release_owned(mb_vm *vm, size_t from) {
  for (size_t i = vm->token_count; vm->owned_count && i > from; i--) {
    mb_value *token = &vm->tokens[i - 1];
    if (mb_holds(token)) {
      vm->owned_count--;
      mb_queue_release(vm, token->pointer);
    } else if (token->tag == MB_REFERENCE && (token->extra & MB_OWNED)) {
      vm->owned_count--;
      mb_release_reference(vm, (int32_t)token->bits);
    }
  }
}

int32_t mb_token_adopt(mb_vm *vm, size_t index) {
  mb_value *token = &vm->tokens[index];
  if (token->extra & MB_OWNED) {
    token->extra &= ~MB_OWNED;
    vm->owned_count--;
  }
  return (int32_t)token->bits;
}

void mb_tokens_truncate(mb_vm *vm, size_t count) {
  if (vm->owned_count) release_owned(vm, count);
  vm->token_count = count;
  if (count == 0 && vm->arena) {
    // Copied bytes are let go of together; the first chunk is kept for the next time.
    mb_arena_chunk *chunk = vm->arena->next;
    while (chunk) {
      mb_arena_chunk *next = chunk->next;
      free(chunk);
      chunk = next;
    }
    vm->arena->next = NULL;
    vm->arena->used = 0;
  }
}

static const char *copy_bytes(mb_vm *vm, const char *bytes, size_t length) {
  mb_arena_chunk *chunk = vm->arena;
  if (!chunk || chunk->size - chunk->used < length) {
    // Most hosts copy little at a time; those that copy more keep a larger chunk from then on.
    size_t usual = chunk ? 8192 : 1024, size = length > usual ? length : usual;
    chunk = malloc(sizeof *chunk + size);
    if (!chunk) out_of_memory();
    chunk->next = vm->arena;
    chunk->used = 0;
    chunk->size = size;
    vm->arena = chunk;
  }
  char *copy = chunk->bytes + chunk->used;
  if (length) memcpy(copy, bytes, length);
  chunk->used += length;
  return copy;
}

static mb_value *new_token(mb_vm *vm, uint32_t tag) {
  if (vm->token_count == vm->token_capacity) {
    size_t capacity = vm->token_capacity ? vm->token_capacity * 2 : 64;
    mb_value *tokens = realloc(vm->tokens, capacity * sizeof *tokens);
    if (!tokens) out_of_memory();
    vm->tokens = tokens;
    vm->token_capacity = capacity;
  }
  mb_value *token = &vm->tokens[vm->token_count++];
  token->tag = tag;
  token->extra = 0;
  token->bits = 0;
  token->pointer = NULL;
  return token;
}

void mb_token_append(mb_vm *vm, mb_value token, bool copies) {
  if (copies && token.tag == MB_STRING)
    token.pointer = copy_bytes(vm, token.pointer, (size_t)token.bits);
  else if (mb_holds(&token))
    vm->owned_count++;
  *new_token(vm, MB_NIL) = token;
}

void mb_hold(mb_vm *vm, mb_value *token) {
  if (token->tag != MB_OBJECT || mb_holds(token)) return;
  vm->debt += vm->callbacks.retain(vm->callbacks.owner, token->pointer);
  token->bits = MB_HELD;
  vm->owned_count++;
}

void mb_keep_results(mb_vm *vm, size_t from) {
  for (size_t i = from; i < vm->token_count; i++) {
    mb_value *token = &vm->tokens[i];
    if (token->tag == MB_STRING) {
      token->pointer = copy_bytes(vm, token->pointer, (size_t)token->bits);
    } else {
      mb_hold(vm, token);
    }
  }
}

static void reserve(char **buffer, size_t *capacity, size_t size) {
  if (*capacity >= size) return;
  size_t grown = *capacity * 2 > size ? *capacity * 2 : size + 64;
  char *bytes = realloc(*buffer, grown);
  if (!bytes) out_of_memory();
  *buffer = bytes;
  *capacity = grown;
}

const char *mb_scratch(mb_vm *vm, const char *bytes, size_t length) {
  reserve(&vm->scratch, &vm->scratch_capacity, length + 1);
  if (length) memcpy(vm->scratch, bytes, length);
  return vm->scratch;
}

void mb_set_text(mb_vm *vm, const char *bytes, size_t length) {
  reserve(&vm->text, &vm->text_capacity, length + 1);
  if (length) memcpy(vm->text, bytes, length);
  vm->text[length] = 0;
  vm->text_length = length;
}

const char *mb_scratch_key(mb_vm *vm, const char *bytes, size_t length) {
  mb_set_text(vm, bytes, length);
  return vm->text;
}

static void append_text(mb_vm *vm, const char *bytes, size_t length) {
  reserve(&vm->text, &vm->text_capacity, vm->text_length + length + 1);
  memcpy(vm->text + vm->text_length, bytes, length);
  vm->text_length += length;
  vm->text[vm->text_length] = 0;
}

void mb_set_error(mb_vm *vm, const void *error) {
  // One that could not be raised is let go of.
  if (vm->error) mb_queue_release(vm, vm->error);
  vm->error = error;
}

// -- Out of Lua -------------------------------------------------------------------------------------

typedef struct encoder {
  lua_State *L;
  mb_vm *vm;
  bool strict;
  int depth;
  size_t first;
  const char *reason;
  // Where we are: the tables above and the key in each.
  const void *tables[MB_MAX_DEPTH];
  mb_key keys[MB_MAX_DEPTH];
} encoder;

static bool refuse(encoder *e, const char *reason) {
  e->reason = reason;
  mb_vm *vm = e->vm;
  mb_set_text(vm, "", 0);
  for (int i = 0; i < e->depth; i++) {
    mb_key key = e->keys[i];
    if (key.tag == MB_INTEGER) {
      char number[32];
      int length = snprintf(number, sizeof number, "[%lld]", (long long)key.bits);
      append_text(vm, number, (size_t)length);
    } else if (key.tag == MB_STRING) {
      append_text(vm, ".", 1);
      append_text(vm, key.pointer, (size_t)(key.bits > 200 ? 200 : key.bits));
    }
  }
  return false;
}

static bool encode_at(encoder *e, int index);

static void encode_string(encoder *e, int index) {
  size_t length;
  const char *bytes = lua_tolstring(e->L, index, &length);
  mb_value *token = new_token(e->vm, MB_STRING);
  token->pointer = bytes;
  token->bits = (int64_t)length;
}

static void encode_integer(encoder *e, int64_t integer) { new_token(e->vm, MB_INTEGER)->bits = integer; }

// The elements 1 to n of a table that is an array.
static bool encode_array(encoder *e, int table, lua_Integer n) {
  lua_State *L = e->L;
  new_token(e->vm, MB_ARRAY)->bits = n;
  for (lua_Integer i = 1; i <= n; i++) {
    e->keys[e->depth - 1] = (mb_key){.tag = MB_INTEGER, .bits = i};
    if (lua_rawgeti(L, table, i) == LUA_TNIL) {
      return refuse(e, "an array cannot have a hole");
    }
    if (!encode_at(e, lua_gettop(L))) return false;
    lua_settop(L, -2);
  }
  return true;
}

static bool encode_map(encoder *e, int table) {
  lua_State *L = e->L;
  size_t head = e->vm->token_count;
  new_token(e->vm, MB_MAP);
  int64_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    mb_key *key = &e->keys[e->depth - 1];
    int type = lua_type(L, -2);
    if (type == LUA_TSTRING) {
      size_t length;
      const char *bytes = lua_tolstring(L, -2, &length);
      *key = (mb_key){.tag = MB_STRING, .bits = (int64_t)length, .pointer = bytes};
      encode_string(e, lua_gettop(L) - 1);
    } else if (lua_isinteger(L, -2)) {
      *key = (mb_key){.tag = MB_INTEGER, .bits = lua_tointeger(L, -2)};
      encode_integer(e, key->bits);
    } else {
      e->depth--;
      refuse(e, "the keys of a map are strings or whole numbers");
      e->depth++;
      return false;
    }
    if (!encode_at(e, lua_gettop(L))) return false;
    lua_settop(L, -2);
    count++;
  }
  e->vm->tokens[head].bits = count;
  return true;
}

// 0: no marker, 1: made by array(), 2: made by map() or marked as data, 3: a metatable of the script's own.
static int marker(encoder *e, int table) {
  lua_State *L = e->L;
  int top = lua_gettop(L);
  if (!lua_getmetatable(L, table)) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->vm->array_metatable);
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->vm->map_metatable);
  int kind = lua_rawequal(L, -3, -2) ? 1 : lua_rawequal(L, -3, -1) ? 2 : 3;
  if (kind == 3 && lua_rawgetp(L, -3, &mb_data_mark) == LUA_TBOOLEAN) kind = 2;
  lua_settop(L, top);
  return kind;
}

static bool encode_table(encoder *e, int table) {
  lua_State *L = e->L;
  // No poll: not all callers may raise.
  if (mb_is_killed(e->vm)) return refuse(e, "the turn was ended");
  if (e->depth == MB_MAX_DEPTH || !lua_checkstack(L, 8))
    return refuse(e, "data cannot be nested more than 64 deep");
  const void *identity = lua_topointer(L, table);
  for (int i = 0; i < e->depth; i++)
    if (e->tables[i] == identity) return refuse(e, "a table that contains itself cannot be data");
  if (e->vm->token_count - e->first + (size_t)lua_rawlen(L, table) > MB_MAX_TOKENS)
    return refuse(e, "more than 2 million parts cannot be data");

  int kind = marker(e, table);
  if (kind == 3 && e->strict)
    return refuse(e, "a table with a metatable cannot be data");
  lua_Integer n = (lua_Integer)lua_rawlen(L, table);
  bool array = kind == 1;
  if (kind != 2 && n > 0) {
    // An array has the keys 1 to n and no others.
    lua_Integer count = 0;
    array = true;
    lua_pushnil(L);
    while (lua_next(L, table)) {
      lua_settop(L, -2);
      lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
      if (key < 1 || key > n) {
        array = false;
        lua_settop(L, -2);
        break;
      }
      count++;
    }
    array = array && count == n;
  } else if (kind != 2 && n == 0) {
    lua_pushnil(L);
    if (!lua_next(L, table)) {
      new_token(e->vm, kind == 1 ? MB_ARRAY : MB_EMPTY);
      return true;
    }
    lua_settop(L, -3);
    array = false;
  }
  if (kind == 1 && !array) return refuse(e, "an array has the keys 1 to n and no others");

  e->tables[e->depth] = identity;
  e->keys[e->depth] = (mb_key){.tag = MB_NIL};
  e->depth++;
  bool ok = array ? encode_array(e, table, n) : encode_map(e, table);
  if (ok) e->depth--;
  return ok;
}

static bool encode_at(encoder *e, int index) {
  lua_State *L = e->L;
  switch (lua_type(L, index)) {
    case LUA_TNIL: new_token(e->vm, MB_NIL); return true;
    case LUA_TBOOLEAN: new_token(e->vm, lua_toboolean(L, index) ? MB_TRUE : MB_FALSE); return true;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        encode_integer(e, lua_tointeger(L, index));
      } else {
        double number = lua_tonumber(L, index);
        memcpy(&new_token(e->vm, MB_NUMBER)->bits, &number, sizeof number);
      }
      return true;
    case LUA_TSTRING: encode_string(e, index); return true;
    case LUA_TTABLE: return encode_table(e, index);
    case LUA_TUSERDATA: {
      mb_object *object = mb_to_object(L, index);
      if (!object) return refuse(e, "a userdata cannot be data");
      if (object->kind == MB_KIND_NULL) {
        new_token(e->vm, MB_NULL);
      } else {
        mb_value *token = new_token(e->vm, MB_OBJECT);
        token->extra = (uint32_t)object->kind | (uint32_t)object->grant << 16;
        token->pointer = object->pointer;
      }
      return true;
    }
    case LUA_TFUNCTION: return refuse(e, "a function cannot be data");
    case LUA_TTHREAD: return refuse(e, "a coroutine cannot be data");
    default: return refuse(e, "a userdata cannot be data");
  }
}

bool mb_encode(lua_State *L, mb_vm *vm, int index, bool strict, const char **reason) {
  encoder e;
  e.L = L;
  e.vm = vm;
  e.strict = strict;
  e.depth = 0;
  e.first = vm->token_count;
  e.reason = NULL;
  int top = lua_gettop(L);
  bool ok = lua_checkstack(L, 8) ? encode_at(&e, lua_absindex(L, index)) : refuse(&e, "the stack is full");
  lua_settop(L, top);
  if (!ok) vm->token_count = e.first;
  *reason = e.reason;
  return ok;
}

void mb_append_reference(mb_vm *vm, int reference, int type) {
  mb_value *token = new_token(vm, MB_REFERENCE);
  token->bits = reference;
  token->extra = (uint32_t)type | MB_OWNED;
  vm->owned_count++;
}

void mb_encode_reference(lua_State *L, mb_vm *vm, int index) {
  luaL_checkstack(L, 8, "too many values");
  int type = lua_type(L, index);
  if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD
      || (type == LUA_TUSERDATA && !mb_to_object(L, index)) || type == LUA_TLIGHTUSERDATA) {
    lua_pushvalue(L, index);
    mb_append_reference(vm, luaL_ref(L, LUA_REGISTRYINDEX), type);
  } else {
    const char *reason;
    if (!mb_encode(L, vm, index, false, &reason)) luaL_error(L, "%s", reason);
  }
}

// -- Into Lua ---------------------------------------------------------------------------------------

// Pushes what needs no memory; false when it is something else.
bool mb_push_plain(lua_State *L, const mb_value *value) {
  switch (value->tag) {
    case MB_NIL: lua_pushnil(L); return true;
    case MB_FALSE: lua_pushboolean(L, 0); return true;
    case MB_TRUE: lua_pushboolean(L, 1); return true;
    case MB_INTEGER: lua_pushinteger(L, value->bits); return true;
    case MB_NUMBER: {
      double number;
      memcpy(&number, &value->bits, sizeof number);
      lua_pushnumber(L, number);
      return true;
    }
    case MB_NULL:
      lua_rawgeti(L, LUA_REGISTRYINDEX, mb_vm_of(L)->null);
      return true;
    case MB_REFERENCE:
      lua_rawgeti(L, LUA_REGISTRYINDEX, value->bits);
      return true;
    default: return false;
  }
}

void mb_push_value(lua_State *L, mb_vm *vm, const mb_value *value) {
  if (mb_push_plain(L, value)) return;
  if (value->tag == MB_STRING)
    lua_pushlstring(L, value->pointer ? value->pointer : "", (size_t)value->bits);
  else if (value->tag == MB_OBJECT)
    mb_push_object(L, vm, (uint16_t)value->extra, (uint16_t)(value->extra >> 16), value->pointer);
  else if (value->tag == MB_ACTION)
    mb_push_action(L, vm, (int32_t)value->bits, (uint16_t)value->extra);
  else
    lua_pushnil(L);
}

// What could not come out of Lua again does not go in either.
static void enter_container(lua_State *L, mb_vm *vm, int depth, size_t base) {
  if (depth < MB_MAX_DEPTH && lua_checkstack(L, 4)) return;
  mb_tokens_truncate(vm, base);
  luaL_error(L, "data cannot be nested more than 64 deep");
}

static size_t decode_at(lua_State *L, mb_vm *vm, size_t at, int depth, size_t base) {
  mb_value value = vm->tokens[at++];
  switch (value.tag) {
    case MB_ARRAY:
      enter_container(L, vm, depth, base);
      lua_createtable(L, value.bits > INT32_MAX ? INT32_MAX : (int)value.bits, 0);
      for (int64_t i = 1; i <= value.bits; i++) {
        at = decode_at(L, vm, at, depth + 1, base);
        lua_rawseti(L, -2, i);
      }
      // It stays an array when a script has emptied it.
      lua_rawgeti(L, LUA_REGISTRYINDEX, vm->array_metatable);
      lua_setmetatable(L, -2);
      return at;
    case MB_MAP:
      enter_container(L, vm, depth, base);
      lua_createtable(L, 0, value.bits > INT32_MAX ? INT32_MAX : (int)value.bits);
      for (int64_t i = 0; i < value.bits; i++) {
        at = decode_at(L, vm, at, depth + 1, base);
        at = decode_at(L, vm, at, depth + 1, base);
        lua_rawset(L, -3);
      }
      lua_rawgeti(L, LUA_REGISTRYINDEX, vm->map_metatable);
      lua_setmetatable(L, -2);
      return at;
    case MB_EMPTY: lua_createtable(L, 0, 0); return at;
    default: mb_push_value(L, vm, &value); return at;
  }
}

size_t mb_decode(lua_State *L, mb_vm *vm, size_t at, size_t base) {
  return decode_at(L, vm, at, 0, base);
}
