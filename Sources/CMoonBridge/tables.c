// The table library of scripts. It gives what the standard one gives, metamethods included; but a table can
// say that it has any number of elements, so each loop keeps to a stated number of them and asks whether the
// turn may go on. Parts of state take the host's own way to insert and remove.
#include <limits.h>

#include "bridge.h"

enum { READS = 1, WRITES = 2, MEASURES = 4 };

static bool has_field(lua_State *L, const char *name, int metatable) {
  lua_pushstring(L, name);
  return lua_rawget(L, metatable) != LUA_TNIL;
}

// A table, or something whose metatable lets it act as one.
static void check_table(lua_State *L, int argument, int uses) {
  // Metamethods can call functions like these, and so on.
  mb_check_stack(L);
  if (lua_type(L, argument) == LUA_TTABLE) return;
  int top = lua_gettop(L);
  bool acts = lua_getmetatable(L, argument) && (!(uses & READS) || has_field(L, "__index", top + 1)) &&
              (!(uses & WRITES) || has_field(L, "__newindex", top + 1)) &&
              (!(uses & MEASURES) || has_field(L, "__len", top + 1));
  lua_settop(L, top);
  if (!acts) luaL_checktype(L, argument, LUA_TTABLE);
}

static lua_Integer check_length(lua_State *L, int argument, int uses) {
  check_table(L, argument, uses | MEASURES);
  return luaL_len(L, argument);
}

// t[to] = t[from] for the table at 1.
static inline void shift(lua_State *L, lua_Integer from, lua_Integer to) {
  lua_geti(L, 1, from);
  lua_seti(L, 1, to);
}

static int table_insert(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (mb_to_object(L, 1)) return mb_object_insert(L);
  lua_Integer end = check_length(L, 1, READS | WRITES);
  // A length that is a lie can be the largest number there is.
  end = (lua_Integer)((lua_Unsigned)end + 1);
  lua_Integer position = end;
  switch (lua_gettop(L)) {
    case 2: break;
    case 3: {
      position = luaL_checkinteger(L, 2);
      luaL_argcheck(L, (lua_Unsigned)position - 1 < (lua_Unsigned)end, 2, "position out of bounds");
      if ((lua_Unsigned)end - (lua_Unsigned)position > MB_MAX_ELEMENTS)
        return luaL_error(L, "too many elements to shift");
      for (lua_Integer at = end; at > position; at--) {
        mb_poll(L, vm);
        shift(L, at - 1, at);
      }
      break;
    }
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_seti(L, 1, position);
  return 0;
}

static int table_remove(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (mb_to_object(L, 1)) return mb_object_remove(L);
  lua_Integer length = check_length(L, 1, READS | WRITES);
  lua_Integer position = luaL_optinteger(L, 2, length);
  if (position != length)
    luaL_argcheck(L, (lua_Unsigned)position - 1 <= (lua_Unsigned)length, 2, "position out of bounds");
  if (position < length && (lua_Unsigned)length - (lua_Unsigned)position > MB_MAX_ELEMENTS)
    return luaL_error(L, "too many elements to shift");
  lua_geti(L, 1, position);
  for (; position < length; position++) {
    mb_poll(L, vm);
    shift(L, position + 1, position);
  }
  lua_pushnil(L);
  lua_seti(L, 1, position);
  return 1;
}

static int table_move(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
  lua_Integer to = luaL_checkinteger(L, 4);
  int target = lua_isnoneornil(L, 5) ? 1 : 5;
  check_table(L, 1, READS);
  check_table(L, target, WRITES);
  if (last >= first) {
    lua_Unsigned count = (lua_Unsigned)last - (lua_Unsigned)first + 1;
    luaL_argcheck(L, count - 1 < MB_MAX_ELEMENTS, 3, "too many elements to move");
    luaL_argcheck(L, to <= LUA_MAXINTEGER - (lua_Integer)count + 1, 4, "destination wrap around");
    // Where the ranges overlap, what is still to be read is not written over.
    bool forwards = to > last || to <= first || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ));
    lua_Integer moved = (lua_Integer)count;
    for (lua_Integer i = 0; i < moved; i++) {
      lua_Integer step = forwards ? i : moved - 1 - i;
      mb_poll(L, vm);
      lua_geti(L, 1, first + step);
      lua_seti(L, target, to + step);
    }
  }
  lua_pushvalue(L, target);
  return 1;
}

static void add_element(lua_State *L, mb_vm *vm, luaL_Buffer *buffer, lua_Integer at) {
  lua_geti(L, 1, at);
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1), at);
  mb_add_value(L, vm, buffer);
}

static int table_concat(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_Integer last = check_length(L, 1, READS);
  size_t length;
  const char *separator = luaL_optlstring(L, 2, "", &length);
  lua_Integer at = luaL_optinteger(L, 3, 1);
  last = luaL_optinteger(L, 4, last);
  if (last >= at && (lua_Unsigned)last - (lua_Unsigned)at >= MB_MAX_ELEMENTS)
    return luaL_error(L, "too many elements to concatenate");
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (; at < last; at++) {
    mb_poll(L, vm);
    add_element(L, vm, &buffer, at);
    mb_add_bytes(L, vm, &buffer, separator, length);
  }
  if (at == last) add_element(L, vm, &buffer, at);
  luaL_pushresult(&buffer);
  return 1;
}

static int table_unpack(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_check_stack(L);
  lua_Integer first = luaL_optinteger(L, 2, 1);
  lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
  if (first > last) return 0;
  lua_Unsigned more = (lua_Unsigned)last - (lua_Unsigned)first;
  // The stack's limit, a million values, is what bounds this.
  if (more >= INT_MAX || !lua_checkstack(L, (int)more + 1))
    return luaL_error(L, "too many results to unpack");
  for (lua_Unsigned i = 0; i <= more; i++) {
    mb_poll(L, vm);
    lua_geti(L, 1, (lua_Integer)((lua_Unsigned)first + i));
  }
  return (int)more + 1;
}

// -- sort ---------------------------------------------------------------------------------------------

// The table is at 1 and the order, a function or nil, at 2.
typedef struct sorting {
  lua_State *L;
  mb_vm *vm;
  bool has_order;
  // Where the pivot of a long range is taken from, once a sort goes badly; 0 before that.
  uint32_t seed;
} sorting;

// Ranges longer than this can take their pivot from anywhere in the middle half.
#define LONG_RANGE 100

// Both indices count from the top.
static bool is_less(const sorting *s, int a, int b) {
  lua_State *L = s->L;
  mb_poll(L, s->vm);
  if (!s->has_order) return lua_compare(L, a, b, LUA_OPLT);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, a - 1);
  lua_pushvalue(L, b - 2);
  lua_call(L, 2, 1);
  bool less = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return less;
}

// Puts the two values on top, the last one first, where these two are.
static void put_pair(lua_State *L, unsigned top_goes, unsigned next_goes) {
  lua_seti(L, 1, top_goes);
  lua_seti(L, 1, next_goes);
}

// Sees to it that a[low] is not above a[high].
static void order_pair(sorting *s, unsigned low, unsigned high) {
  lua_State *L = s->L;
  lua_geti(L, 1, low);
  lua_geti(L, 1, high);
  if (is_less(s, -1, -2))
    put_pair(L, low, high);
  else
    lua_pop(L, 2);
}

static unsigned choose_pivot(const sorting *s, unsigned low, unsigned high) {
  if (high - low <= LONG_RANGE || s->seed == 0) return low + (high - low) / 2;
  unsigned quarter = (high - low) / 4;
  return s->seed % (quarter * 2) + low + quarter;
}

// The pivot is on top of the stack and at `high - 1`; a[low] <= pivot <= a[high] keep the scans within the
// range, as long as the order is one. Returns where the pivot comes to stand, and takes it off.
static unsigned part(sorting *s, unsigned low, unsigned high) {
  lua_State *L = s->L;
  unsigned up = low, down = high - 1;
  for (;;) {
    while (lua_geti(L, 1, ++up), is_less(s, -1, -2)) {
      if (up == high - 1) luaL_error(L, "invalid order function for sorting");
      lua_pop(L, 1);
    }
    while (lua_geti(L, 1, --down), is_less(s, -3, -1)) {
      if (down < up) luaL_error(L, "invalid order function for sorting");
      lua_pop(L, 1);
    }
    if (down < up) {
      lua_pop(L, 1);
      put_pair(L, high - 1, up);
      return up;
    }
    put_pair(L, up, down);
  }
}

static void sort_range(sorting *s, unsigned low, unsigned high) {
  lua_State *L = s->L;
  while (low < high) {
    order_pair(s, low, high);
    if (high - low == 1) return;
    unsigned pivot = choose_pivot(s, low, high);
    lua_geti(L, 1, pivot);
    lua_geti(L, 1, low);
    if (is_less(s, -2, -1)) {
      put_pair(L, pivot, low);
    } else {
      lua_pop(L, 1);
      lua_geti(L, 1, high);
      if (is_less(s, -1, -2))
        put_pair(L, pivot, high);
      else
        lua_pop(L, 2);
    }
    if (high - low == 2) return;
    lua_geti(L, 1, pivot);
    lua_pushvalue(L, -1);
    lua_geti(L, 1, high - 1);
    put_pair(L, pivot, high - 1);
    unsigned middle = part(s, low, high), size = high - low, smaller;
    // The smaller side nests, so that nesting stays below the logarithm of the size.
    if (middle - low < high - middle) {
      sort_range(s, low, middle - 1);
      smaller = middle - low;
      low = middle + 1;
    } else {
      sort_range(s, middle + 1, high);
      smaller = high - middle;
      high = middle - 1;
    }
    if (size / 128 > smaller) s->seed = s->seed * 1664525 + 1013904223 + size;
  }
}

// sortParts(function): what sorts parts of state, for `table.sort`.
static int base_sort_parts(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  mb_vm_of(L)->part_sort = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static int table_sort(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (vm->part_sort && mb_to_object(L, 1)) {
    mb_check_stack(L);
    lua_settop(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->part_sort);
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
  }
  lua_Integer length = check_length(L, 1, READS | WRITES);
  if (length < 2) return 0;
  luaL_argcheck(L, length < MB_MAX_ELEMENTS, 1, "array too big");
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  sorting s = {.L = L, .vm = vm, .has_order = !lua_isnil(L, 2)};
  mb_reserve_stack(L, s.vm, 250);
  sort_range(&s, 1, (unsigned)length);
  return 0;
}

void mb_open_tables(lua_State *L) {
  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
  static const luaL_Reg functions[] = {
      {"insert", table_insert}, {"remove", table_remove}, {"move", table_move}, {"concat", table_concat},
      {"unpack", table_unpack}, {"sort", table_sort},     {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  lua_register(L, "sortParts", base_sort_parts);
}
