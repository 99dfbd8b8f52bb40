// Userdata that stand for what Swift owns: their metamethods, their identity and their end.
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// -- Identity and lifetime --------------------------------------------------------------------------

// One userdata for each object and grant, kept in a table with weak values: the address in the low 48
// bits, the grant above.
static lua_Integer identity(uint16_t grant, const void *pointer) {
  return (lua_Integer)((uint64_t)(uintptr_t)pointer ^ (uint64_t)grant << 48);
}

// Lua's collector is paced by the bytes that it has given out, and would let a few bytes of userdata keep any amount
// of Swift's alive: messages, errors, and parts that have left the state. So it is told of a part of what Swift has
// taken up: of a quarter, which bounds the garbage by four times what Lua holds and costs little where state is written
// that scripts keep. What it has let go of is given up at once then, since a script may run for long.
enum { BYTES_FOR_A_STEP = 4096, BYTES_OF_AN_ERROR = 1024, MAXIMUM_RELEASED = 1024 };

static void pay_debt(lua_State *L, mb_vm *vm) {
  size_t kilobytes = vm->debt / BYTES_FOR_A_STEP;
  vm->debt %= BYTES_FOR_A_STEP;
  if (kilobytes) lua_gc(L, LUA_GCSTEP, (int)(kilobytes < INT16_MAX ? kilobytes : INT16_MAX));
  if (vm->released_count) vm->callbacks.release(vm->callbacks.owner);
}

void mb_push_object(lua_State *L, mb_vm *vm, uint16_t kind, uint16_t grant, const void *pointer) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->proxies);
  if (lua_rawgeti(L, -1, identity(grant, pointer)) == LUA_TUSERDATA) {
    lua_replace(L, -2);
    return;
  }
  lua_pop(L, 1);
  mb_object *object = lua_newuserdatauv(L, sizeof *object, 0);
  object->magic = MB_MAGIC;
  object->kind = kind;
  object->grant = grant;
  // The reference is taken only when the metatable with its __gc stands, so that none is lost.
  object->pointer = NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->metatable);
  lua_setmetatable(L, -2);
  vm->debt += vm->callbacks.retain(vm->callbacks.owner, pointer);
  object->pointer = pointer;
  if (grant != 0) mb_carry_grant(vm, grant);
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, identity(grant, pointer));
  lua_replace(L, -2);
  if (kind == MB_KIND_ERROR) vm->debt += BYTES_OF_AN_ERROR;
  if (vm->debt >= BYTES_FOR_A_STEP || vm->released_count >= MAXIMUM_RELEASED) pay_debt(L, vm);
}

// A grant is given back when no userdata carries its number any more; without memory for its count it never is.
void mb_carry_grant(mb_vm *vm, uint16_t grant) {
  if (grant >= vm->carried_capacity) {
    uint32_t capacity = vm->carried_capacity ? vm->carried_capacity : 64;
    while (capacity <= grant) capacity *= 2;
    uint32_t *carried = realloc(vm->carried, capacity * sizeof *carried);
    if (!carried) {
      vm->carried_unknown = true;
      return;
    }
    memset(carried + vm->carried_capacity, 0, (capacity - vm->carried_capacity) * sizeof *carried);
    vm->carried = carried;
    vm->carried_capacity = capacity;
  }
  vm->carried[grant]++;
}

bool mb_carries_grant(const mb_vm *vm, uint16_t grant) {
  return vm->carried_unknown || (grant < vm->carried_capacity && vm->carried[grant] > 0);
}

// Swift lets go of it at a safe point: a collection can come in the middle of anything.
void mb_queue_release(mb_vm *vm, const void *pointer) {
  if (vm->released_count == vm->released_capacity) {
    size_t capacity = vm->released_capacity ? vm->released_capacity * 2 : 64;
    const void **released = realloc(vm->released, capacity * sizeof *released);
    // Without memory for the queue the object is leaked, which is safe.
    if (!released) return;
    vm->released = released;
    vm->released_capacity = capacity;
  }
  vm->released[vm->released_count++] = pointer;
}

static int object_gc(lua_State *L) {
  mb_object *object = mb_to_object(L, 1);
  if (!object || !object->pointer) return 0;
  mb_vm *vm = mb_vm_of(L);
  mb_queue_release(vm, object->pointer);
  if (object->grant != 0 && object->grant < vm->carried_capacity) vm->carried[object->grant]--;
  object->pointer = NULL;
  return 0;
}

const void *mb_vm_next_released(mb_vm *vm) {
  return vm->released_count ? vm->released[--vm->released_count] : NULL;
}

// -- Keys -------------------------------------------------------------------------------------------

static size_t key_slot(const void *string) { return ((uintptr_t)string >> 4) % MB_KEY_CACHE; }

// The symbol of a string object, or 0 when it is not known; no other object is taken for one, since the strings
// that are known keep their addresses.
static uint32_t known_symbol(const mb_vm *vm, const void *string) {
  size_t slot = key_slot(string);
  return vm->keys[slot].string == string ? vm->keys[slot].symbol : 0;
}

static bool read_key(lua_State *L, mb_vm *vm, int index, mb_key *key) {
  key->symbol = 0;
  key->pointer = NULL;
  switch (lua_type(L, index)) {
    case LUA_TSTRING: {
      size_t length;
      const char *bytes = lua_tolstring(L, index, &length);
      key->tag = MB_STRING;
      key->pointer = bytes;
      key->bits = (int64_t)length;
      key->symbol = known_symbol(vm, lua_topointer(L, index));
      return true;
    }
    case LUA_TNUMBER: {
      int whole;
      key->bits = lua_tointegerx(L, index, &whole);
      key->tag = MB_INTEGER;
      return whole;
    }
    case LUA_TNIL:
      key->tag = MB_NIL;
      key->bits = 0;
      return true;
    default: return false;
  }
}

// Remembers the symbol of a string by its address. The string is anchored, so that the address is not
// given to another one; and only interned strings have one address for one content.
static void remember_key(lua_State *L, mb_vm *vm, int index, const mb_key *key) {
  if (key->tag != MB_STRING || key->bits > MB_INTERNED_LENGTH) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->symbols);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, key->symbol);
  lua_pop(L, 1);
  const void *string = lua_topointer(L, index);
  size_t slot = key_slot(string);
  vm->keys[slot].string = string;
  vm->keys[slot].symbol = key->symbol;
}

void mb_forget_symbols(mb_vm *vm) {
  memset(vm->keys, 0, sizeof vm->keys);
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 4)) return;
  // The keys that are there get nil, which allocates nothing and cannot raise.
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->symbols);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
}

// -- Errors -----------------------------------------------------------------------------------------

// Places in the table `raised`, which has the errors of tables under the tables themselves: the text that was raised
// last, and its error.
enum { RAISED_TEXT = 1, RAISED_ERROR = 2 };

static int raised_tostring(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

// Pushes the value that a script has raised, and notes which error of the host it stands for: what was raised as a
// text or a table is one again, however it came here, and the host that reports it still knows where it
// happened.
static bool push_raised(lua_State *L, mb_vm *vm) {
  size_t base = vm->token_count;
  int32_t count = vm->callbacks.raised(vm->callbacks.owner, vm->error);
  if (count == 0) return false;
  luaL_checkstack(L, 8, NULL);
  size_t at = mb_decode(L, vm, base, base);
  if (count > 1) {
    lua_createtable(L, 0, 1);
    mb_decode(L, vm, at, base);
    lua_pushcclosure(L, raised_tostring, 1);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
  }
  mb_tokens_truncate(vm, base);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->raised);
  if (lua_type(L, -2) == LUA_TTABLE) {
    lua_pushvalue(L, -2);
    mb_push_object(L, vm, MB_KIND_ERROR, 0, vm->error);
    lua_rawset(L, -3);
  } else {
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, RAISED_TEXT);
    mb_push_object(L, vm, MB_KIND_ERROR, 0, vm->error);
    lua_rawseti(L, -2, RAISED_ERROR);
  }
  lua_pop(L, 1);
  return true;
}

bool mb_push_origin(lua_State *L, mb_vm *vm) {
  int type = lua_type(L, -1);
  if ((type != LUA_TTABLE && type != LUA_TSTRING) || !lua_checkstack(L, 4)) return false;
  int value = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->raised);
  if (type == LUA_TTABLE) {
    lua_pushvalue(L, value);
    lua_rawget(L, -2);
  } else {
    lua_rawgeti(L, -1, RAISED_TEXT);
    bool is_same = lua_rawequal(L, -1, value);
    lua_pop(L, 1);
    if (is_same)
      lua_rawgeti(L, -1, RAISED_ERROR);
    else
      lua_pushnil(L);
  }
  if (lua_type(L, -1) == LUA_TUSERDATA) {
    lua_replace(L, value + 1);
    return true;
  }
  lua_settop(L, value);
  return false;
}

// Pushes the error that a callback left, and takes over the reference that came with it.
void mb_push_error(lua_State *L, mb_vm *vm) {
  if (!push_raised(L, vm)) mb_push_object(L, vm, MB_KIND_ERROR, 0, vm->error);
  mb_set_error(vm, NULL);
}

// Tells an error where the script stands that gets it.
void mb_locate(lua_State *L, mb_vm *vm, const void *error) {
  lua_Debug place;
  if (mb_find_script(L, 1, &place))
    vm->callbacks.locate(vm->callbacks.owner, error, place.short_src, place.currentline);
}

// Raises what a callback left, or suspends. The callback has returned: no Swift frame is below.
int mb_fail(lua_State *L, mb_vm *vm, int32_t status) {
  mb_poll(L, vm);
  if (status == MB_SUSPEND) return mb_suspend(L, vm);
  if (!vm->error) return luaL_error(L, "the host failed without an error");
  mb_locate(L, vm, vm->error);
  mb_push_error(L, vm);
  return lua_error(L);
}

static mb_object *check_object(lua_State *L, int index) {
  mb_object *object = mb_to_object(L, index);
  if (!object) luaL_typeerror(L, index, "host object");
  return object;
}

// The same for what has parts: null, which Swift knows nothing of, has none.
static mb_object *check_parts(lua_State *L, int index, const char *what) {
  mb_object *object = check_object(L, index);
  if (object->kind == MB_KIND_NULL) luaL_error(L, "attempt to %s null", what);
  return object;
}

// Appends what stands at `index` to the buffer, or raises with the path to the part that is no data.
static size_t encode_for(lua_State *L, mb_vm *vm, const mb_object *object, const mb_key *key, int index) {
  size_t base = vm->token_count;
  const char *reason;
  if (!mb_encode(L, vm, index, true, &reason)) {
    vm->callbacks.refuse(vm->callbacks.owner, object, key, vm->text, vm->text_length, reason);
    mb_fail(L, vm, MB_RAISE);
  }
  return base;
}

// -- Metamethods ------------------------------------------------------------------------------------

// Pushes what the shortcuts find under a symbol, or under a whole number with symbol 0; false when they leave
// it to the callbacks.
static bool push_directly(lua_State *L, mb_vm *vm, const mb_object *object, uint32_t symbol, int64_t index) {
  if (object->grant != 0 || !(vm->shortcuts.kinds >> object->kind & 1)) return false;
  mb_value value;
  if (!vm->shortcuts.get(vm->shortcuts.context, vm, object, symbol, index, &value)) return false;
  switch (value.tag) {
    case MB_INTEGER: lua_pushinteger(L, value.bits); return true;
    case MB_STRING: lua_pushlstring(L, value.pointer, (size_t)value.bits); return true;
    case MB_OBJECT:
      // (Upvalue 1 of whoever calls this: the userdata that there are.)
      if (lua_rawgeti(L, lua_upvalueindex(1), identity(0, value.pointer)) == LUA_TUSERDATA) return true;
      lua_pop(L, 1);
      mb_push_object(L, vm, (uint16_t)value.extra, 0, value.pointer);
      return true;
    case MB_ACTION:
      // One that nobody has asked for yet has no function.
      if (!vm->actions[value.bits].in_use || !vm->actions[value.bits].closure) return false;
      lua_rawgeti(L, LUA_REGISTRYINDEX, vm->actions[value.bits].closure);
      return true;
    default: mb_push_value(L, vm, &value); return true;
  }
}

static int object_index(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = check_object(L, 1);
  const void *string = lua_topointer(L, 2);
  if (string) {
    uint32_t symbol = known_symbol(vm, string);
    if (symbol && push_directly(L, vm, object, symbol, 0)) return 1;
  } else if (lua_isinteger(L, 2)) {
    if (push_directly(L, vm, object, 0, lua_tointeger(L, 2))) return 1;
  }
  mb_key key;
  if (!read_key(L, vm, 2, &key) || key.tag == MB_NIL || object->kind == MB_KIND_NULL) {
    if (object->kind == MB_KIND_NULL) return luaL_error(L, "attempt to index null");
    lua_pushnil(L);
    return 1;
  }
  bool known = key.symbol != 0;
  mb_value value = {.tag = MB_NIL};
  int32_t status = vm->callbacks.index(vm->callbacks.owner, object, &key, &value);
  mb_let_go(vm, &value);
  if (status < 0) return mb_fail(L, vm, status);
  mb_push_value(L, vm, &value);
  if (!known && key.symbol) remember_key(L, vm, 2, &key);
  return 1;
}

// Sets a field that is there to a scalar or a string; false when it is left to the callbacks. What a driver
// writes is a turn, which is not for here.
static bool set_directly(lua_State *L, mb_vm *vm, const mb_object *object, uint32_t symbol, int index) {
  if (object->grant != 0 || vm->driving || !(vm->shortcuts.kinds >> object->kind & 1)) return false;
  mb_value value = {.tag = MB_INTEGER};
  switch (lua_type(L, index)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        value.bits = lua_tointeger(L, index);
      } else {
        double number = lua_tonumber(L, index);
        value.tag = MB_NUMBER;
        memcpy(&value.bits, &number, sizeof number);
      }
      break;
    case LUA_TBOOLEAN: value.tag = lua_toboolean(L, index) ? MB_TRUE : MB_FALSE; break;
    case LUA_TSTRING: {
      size_t length;
      value.pointer = lua_tolstring(L, index, &length);
      // The long way keeps those that are there already.
      if (length >= MB_LONG_STRING) return false;
      value.bits = (int64_t)length;
      value.tag = MB_STRING;
      break;
    }
    default: return false;
  }
  return vm->shortcuts.set(vm->shortcuts.context, object, symbol, &value);
}

static int object_newindex(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = check_object(L, 1);
  const void *string = lua_topointer(L, 2);
  uint32_t symbol = string ? known_symbol(vm, string) : 0;
  if (symbol && set_directly(L, vm, object, symbol, 3)) return 0;
  mb_key key;
  if (!read_key(L, vm, 2, &key) || key.tag == MB_NIL) {
    return luaL_error(L, "the keys of state are strings or whole numbers, not %s",
                      lua_type(L, 2) == LUA_TNUMBER ? "fractions" : luaL_typename(L, 2));
  }
  if (object->kind == MB_KIND_NULL) return luaL_error(L, "attempt to index null");
  bool known = key.symbol != 0;
  size_t base = encode_for(L, vm, object, &key, 3);
  int32_t status = vm->callbacks.assign(vm->callbacks.owner, object, &key, base);
  mb_tokens_truncate(vm, base);
  if (status < 0) return mb_fail(L, vm, status);
  if (!known && key.symbol) remember_key(L, vm, 2, &key);
  return 0;
}

static int object_len(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = check_parts(L, 1, "get length of");
  int64_t length = 0;
  int32_t status = vm->callbacks.length(vm->callbacks.owner, object, &length);
  if (status < 0) return mb_fail(L, vm, status);
  lua_pushinteger(L, length);
  return 1;
}

static int object_eq(lua_State *L) {
  mb_object *a = mb_to_object(L, 1), *b = mb_to_object(L, 2);
  mb_vm *vm = mb_vm_of(L);
  bool same = a && b && a->kind == b->kind &&
              (a->pointer == b->pointer ||
               (a->kind == vm->handle_kind &&
                vm->callbacks.same_store(vm->callbacks.owner, a->pointer, b->pointer)));
  lua_pushboolean(L, same);
  return 1;
}

static void push_description(lua_State *L, mb_vm *vm, int index) {
  mb_object *object = mb_to_object(L, index);
  if (!object) {
    luaL_tolstring(L, index, NULL);
  } else if (object->kind == MB_KIND_NULL) {
    lua_pushliteral(L, "null");
  } else {
    vm->callbacks.describe(vm->callbacks.owner, object);
    lua_pushlstring(L, vm->text, vm->text_length);
  }
}

static int object_tostring(lua_State *L) {
  check_object(L, 1);
  push_description(L, mb_vm_of(L), 1);
  return 1;
}

static int push_joined(lua_State *L, mb_vm *vm) {
  push_description(L, vm, 1);
  push_description(L, vm, 2);
  lua_concat(L, 2);
  return 1;
}

// Errors are objects, and `"failed: " .. err` is how people print them; state and handles are not.
static int object_concat(lua_State *L) {
  for (int i = 1; i <= 2; i++) {
    mb_object *object = mb_to_object(L, i);
    if (object ? object->kind != MB_KIND_ERROR : !lua_isstring(L, i))
      return luaL_error(L, "attempt to concatenate %s", object && object->kind == MB_KIND_NULL
                                                            ? "null" : luaL_typename(L, i));
  }
  return mb_join(L, push_joined);
}

// The iterator of `pairs`: object, key -> next key, value.
int mb_object_pairs_next(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = check_parts(L, 1, "iterate over");
  mb_key key;
  if (!read_key(L, vm, 2, &key)) return luaL_error(L, "invalid key to 'next'");
  mb_value next_key = {.tag = MB_NIL}, value = {.tag = MB_NIL};
  int32_t status = vm->callbacks.next(vm->callbacks.owner, object, &key, &next_key, &value);
  mb_let_go(vm, &value);
  if (status < 0) return mb_fail(L, vm, status);
  if (next_key.tag == MB_NIL) {
    lua_pushnil(L);
    return 1;
  }
  mb_push_value(L, vm, &next_key);
  mb_push_value(L, vm, &value);
  return 2;
}

static int object_pairs(lua_State *L) {
  check_parts(L, 1, "iterate over");
  lua_pushcfunction(L, mb_object_pairs_next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

static int ipairs_next(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = check_object(L, 1);
  mb_key key = {.tag = MB_INTEGER, .bits = luaL_checkinteger(L, 2) + 1};
  lua_pushinteger(L, key.bits);
  if (push_directly(L, vm, object, 0, key.bits)) return lua_isnil(L, -1) ? 1 : 2;
  mb_value value = {.tag = MB_NIL};
  int32_t status = vm->callbacks.index(vm->callbacks.owner, object, &key, &value);
  mb_let_go(vm, &value);
  if (status < 0) return mb_fail(L, vm, status);
  if (value.tag == MB_NIL) {
    lua_pushnil(L);
    return 1;
  }
  mb_push_value(L, vm, &value);
  return 2;
}

// -- What the standard functions do with objects ------------------------------------------------------

// (Upvalue 1: the standard function, which runs in this one's place; upvalue 2: the iterator.)
static int base_ipairs(lua_State *L) {
  if (!mb_to_object(L, 1)) return lua_tocfunction(L, lua_upvalueindex(1))(L);
  check_parts(L, 1, "iterate over");
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

static int base_unordered_next(lua_State *L) {
  lua_settop(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  mb_vm *vm = mb_vm_of(L);
  while (lua_next(L, 1)) {
    if (!mb_is_hidden(L, vm, -2)) return 2;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  return 1;
}

static int base_next(lua_State *L) {
  lua_settop(L, 2);
  if (mb_to_object(L, 1)) return mb_object_pairs_next(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  return mb_vm_of(L)->ordered ? mb_ordered_next(L) : base_unordered_next(L);
}

static int finish_pairs(lua_State *L, int status, lua_KContext context) {
  (void)L;
  (void)status;
  (void)context;
  return 3;
}

static int base_pairs(lua_State *L) {
  luaL_checkany(L, 1);
  if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL) {
    if (mb_vm_of(L)->ordered) return mb_ordered_pairs(L, base_unordered_next);
    lua_pushcfunction(L, base_next);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
  } else {
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 3, 0, finish_pairs);
  }
  return 3;
}

// Whether it is a part of state, which scripts take for a table.
static bool is_part(const mb_vm *vm, const mb_object *object) {
  return object && (vm->table_kinds >> object->kind & 1);
}

static int base_type(lua_State *L) {
  luaL_checkany(L, 1);
  mb_object *object = mb_to_object(L, 1);
  if (object && object->kind == MB_KIND_NULL)
    lua_pushliteral(L, "null");
  else if (is_part(mb_vm_of(L), object))
    lua_pushliteral(L, "table");
  else
    lua_pushstring(L, luaL_typename(L, 1));
  return 1;
}

// Raw accesses see what is there without a metatable, and parts of state have nothing but that.
// (Upvalue: the userdata that there are.)
static int base_rawget(lua_State *L) {
  if (mb_to_object(L, 1)) {
    lua_settop(L, 2);
    return object_index(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_rawget(L, 1);
  return 1;
}

static int base_rawlen(lua_State *L) {
  if (mb_to_object(L, 1)) return object_len(L);
  luaL_argexpected(L, lua_type(L, 1) == LUA_TTABLE || lua_type(L, 1) == LUA_TSTRING, 1, "table or string");
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
  return 1;
}

int mb_object_insert(lua_State *L) {
  mb_object *object = check_parts(L, 1, "insert into");
  mb_vm *vm = mb_vm_of(L);
  int count = lua_gettop(L);
  if (count != 2 && count != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  lua_Integer position = 0;
  if (count == 3 && (position = luaL_checkinteger(L, 2)) < 1)
    return luaL_argerror(L, 2, "position out of bounds");
  mb_key key = {.tag = MB_INTEGER, .bits = position};
  size_t base = encode_for(L, vm, object, &key, count);
  int32_t status = vm->callbacks.insert(vm->callbacks.owner, object, position, base);
  mb_tokens_truncate(vm, base);
  return status < 0 ? mb_fail(L, vm, status) : 0;
}

int mb_object_remove(lua_State *L) {
  mb_object *object = check_parts(L, 1, "remove from");
  mb_vm *vm = mb_vm_of(L);
  lua_Integer position = 0;
  if (!lua_isnoneornil(L, 2) && (position = luaL_checkinteger(L, 2)) < 1)
    return luaL_argerror(L, 2, "position out of bounds");
  mb_value value = {.tag = MB_NIL};
  int32_t status = vm->callbacks.remove(vm->callbacks.owner, object, position, &value);
  mb_let_go(vm, &value);
  if (status < 0) return mb_fail(L, vm, status);
  mb_push_value(L, vm, &value);
  return 1;
}

static int refuse_change(lua_State *L) {
  return luaL_error(L, "array and map cannot be changed: they are shared by all scripts");
}

int mb_refuse_argument(lua_State *L, const char *function, int position, const char *words) {
  const mb_object *object = mb_to_object(L, position);
  const char *found = "an object";
  switch (lua_type(L, position)) {
    case LUA_TNONE:
    case LUA_TNIL: found = "nil"; break;
    case LUA_TBOOLEAN: found = "a boolean"; break;
    case LUA_TNUMBER: found = "a number"; break;
    case LUA_TSTRING: found = "a string"; break;
    case LUA_TTABLE: found = "a table"; break;
    case LUA_TFUNCTION: found = "a function"; break;
    case LUA_TTHREAD: found = "a coroutine"; break;
    default:
      if (!object) break;
      if (object->kind == MB_KIND_NULL) found = "null";
      else if (object->kind == mb_vm_of(L)->handle_kind) found = "a store";
      else if (is_part(mb_vm_of(L), object)) found = "a table";
  }
  return luaL_error(L, "%s: argument %d must be %s, not %s", function, position, words, found);
}

static int mark(lua_State *L, int metatable, const char *name) {
  // What is called is a library of its own, and comes first.
  lua_remove(L, 1);
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  mb_object *object = mb_to_object(L, 1);
  if (is_part(mb_vm_of(L), object))
    return luaL_error(L, "%s: argument 1 is a part of state, and is what it is: use store.copy(part)", name);
  if (lua_type(L, 1) != LUA_TTABLE) return mb_refuse_argument(L, name, 1, "a table");
  mb_check_unprotected(L, 1);
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, metatable);
  lua_setmetatable(L, 1);
  return 1;
}

bool mb_is_marked(lua_State *L, mb_vm *vm, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->array_metatable);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->map_metatable);
  bool marked = lua_rawequal(L, -3, -2) || lua_rawequal(L, -3, -1);
  lua_pop(L, 3);
  return marked;
}

static int base_array(lua_State *L) { return mark(L, mb_vm_of(L)->array_metatable, "array"); }
static int base_map(lua_State *L) { return mark(L, mb_vm_of(L)->map_metatable, "map"); }

// What state makes of a plain table: an array where it says so, or where its keys are 1 to n and there is one; a map
// where it says so, or where it has another key. An empty one that says nothing is neither.
static int kind_of_table(lua_State *L, mb_vm *vm) {
  if (lua_getmetatable(L, 1)) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->array_metatable);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->map_metatable);
    bool is_array = lua_rawequal(L, -3, -2), is_map = lua_rawequal(L, -3, -1);
    lua_settop(L, 1);
    if (is_array || is_map) return is_array ? MB_ARRAY : MB_MAP;
  }
  lua_Integer length = (lua_Integer)lua_rawlen(L, 1), count = 0;
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    mb_poll(L, vm);
    lua_pop(L, 1);
    lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    if (key < 1 || key > length) return MB_MAP;
    count++;
  }
  if (count == 0) return MB_EMPTY;
  return count == length ? MB_ARRAY : MB_MAP;
}

// (Upvalue: MB_ARRAY or MB_MAP.) array.is(value), map.is(value): for tables and for parts of state alike.
static int base_is(lua_State *L) {
  lua_settop(L, 1);
  mb_vm *vm = mb_vm_of(L);
  mb_object *object = mb_to_object(L, 1);
  int kind = MB_NIL;
  if (lua_type(L, 1) == LUA_TTABLE) {
    kind = kind_of_table(L, vm);
  } else if (is_part(vm, object)) {
    int32_t found = vm->callbacks.kind(vm->callbacks.owner, object);
    if (found < 0) return mb_fail(L, vm, found);
    kind = found;
  }
  lua_pushboolean(L, kind == (int)lua_tointeger(L, lua_upvalueindex(1)));
  return 1;
}

// Makes a global that is called as a function and has a function `is`. It is shared by all scripts.
static void open_kind(lua_State *L, const char *name, lua_CFunction call, int kind) {
  lua_newtable(L);
  lua_createtable(L, 0, 6);
  lua_pushcfunction(L, call);
  lua_setfield(L, -2, "__call");
  lua_createtable(L, 0, 1);
  lua_pushinteger(L, kind);
  lua_pushcclosure(L, base_is, 1);
  lua_setfield(L, -2, "is");
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_change);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  // So that rawset refuses as well.
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "__frozen");
  lua_setmetatable(L, -2);
  lua_setglobal(L, name);
}

const char mb_data_mark = 0;

// For libraries of the host: what has this metatable is a map of data that has methods besides. A copy is
// without them.
static int base_mark_data(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  mb_check_unprotected(L, 1);
  lua_settop(L, 1);
  lua_pushboolean(L, true);
  lua_rawsetp(L, 1, &mb_data_mark);
  return 1;
}

static int new_marker(lua_State *L, const char *name) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void mb_open_objects(lua_State *L, mb_vm *vm) {
  static const luaL_Reg metamethods[] = {
      {"__index", object_index}, {"__newindex", object_newindex}, {"__len", object_len},
      {"__eq", object_eq},       {"__tostring", object_tostring}, {"__pairs", object_pairs},
      {"__gc", object_gc},       {NULL, NULL}};
  mb_push_weak_table(L, "v");
  lua_pushvalue(L, -1);
  vm->proxies = luaL_ref(L, LUA_REGISTRYINDEX);
  mb_push_weak_table(L, "v");
  vm->granted_actions = luaL_ref(L, LUA_REGISTRYINDEX);

  luaL_newlibtable(L, metamethods);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, metamethods, 1);
  mb_set_concat(L, vm, object_concat);
  lua_pushliteral(L, "host object");
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  vm->metatable = luaL_ref(L, LUA_REGISTRYINDEX);

  mb_push_weak_table(L, "k");
  vm->raised = luaL_ref(L, LUA_REGISTRYINDEX);

  lua_newtable(L);
  vm->symbols = luaL_ref(L, LUA_REGISTRYINDEX);
  vm->array_metatable = new_marker(L, "array");
  vm->map_metatable = new_marker(L, "map");

  mb_object *null = lua_newuserdatauv(L, sizeof *null, 0);
  *null = (mb_object){.magic = MB_MAGIC, .kind = MB_KIND_NULL};
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->metatable);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  vm->null = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_setglobal(L, "null");

  open_kind(L, "array", base_array, MB_ARRAY);
  open_kind(L, "map", base_map, MB_MAP);
  lua_register(L, "markData", base_mark_data);
  lua_register(L, "next", base_next);
  lua_register(L, "rawlen", base_rawlen);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, base_rawget, 1);
  lua_setglobal(L, "rawget");
  // Its own gives the standard function, which shows what is hidden, in Lua's order.
  lua_register(L, "pairs", base_pairs);
  lua_register(L, "type", base_type);
  lua_getglobal(L, "ipairs");
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, ipairs_next, 1);
  lua_pushcclosure(L, base_ipairs, 2);
  lua_setglobal(L, "ipairs");
  lua_pop(L, 1);
}
