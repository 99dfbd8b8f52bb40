// Protected calls from Swift into Lua, and native functions from Lua into Swift.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// -- What is known of an error ----------------------------------------------------------------------

const char *mb_traceback(const mb_vm *vm) { return vm->traceback ? vm->traceback : ""; }
const char *mb_error_source(const mb_vm *vm) { return vm->error_source; }
int32_t mb_error_line(const mb_vm *vm) { return vm->error_line; }
int32_t mb_error_action(const mb_vm *vm) { return vm->error_action; }

static void forget_error(mb_vm *vm) {
  if (vm->traceback) vm->traceback[0] = 0;
  vm->error_line = 0;
  vm->error_action = -1;
  vm->error_source[0] = 0;
}

// Notes traceback, place and innermost action of the stack of L. Uses raising calls: runs below a
// protected one.
static void note_error(lua_State *on, mb_vm *vm, lua_State *L, int level) {
  vm->error_line = 0;
  vm->error_source[0] = 0;
  vm->error_action = -1;
  lua_Debug place;
  for (int i = level; i < level + 64 && lua_getstack(L, i, &place); i++) {
    lua_getinfo(L, "Sl", &place);
    if (place.currentline > 0 && vm->error_line == 0 && place.source[0] != '=') {
      vm->error_line = place.currentline;
      memcpy(vm->error_source, place.short_src, sizeof vm->error_source);
    }
    if (place.what[0] != 'C' || !lua_checkstack(L, 4)) continue;
    vm->error_action = mb_action_of(L, &place);
    if (vm->error_action >= 0) break;
  }
  luaL_checkstack(on, 32, NULL);
  luaL_traceback(on, L, NULL, level);
  size_t length;
  const char *text = lua_tolstring(on, -1, &length);
  char *copy = realloc(vm->traceback, length + 1);
  if (copy) {
    memcpy(copy, text, length + 1);
    vm->traceback = copy;
  }
  lua_pop(on, 1);
}

typedef struct noted {
  lua_State *L;
  int level;
} noted;

// Returns the error text of the other coroutine as scripts are to see it.
static int protected_note(lua_State *on) {
  noted *n = lua_touserdata(on, 1);
  note_error(on, mb_vm_of(on), n->L, n->level);
  if (lua_type(n->L, -1) != LUA_TSTRING || !lua_checkstack(n->L, 1)) return 0;
  lua_pushvalue(n->L, -1);
  lua_xmove(n->L, on, 1);
  lua_Debug place;
  mb_place_error(on, mb_find_script(n->L, n->level, &place) ? &place : NULL);
  return 1;
}

void mb_note_error(mb_vm *vm, lua_State *L, int level) {
  noted n = {L, level};
  forget_error(vm);
  if (!lua_checkstack(vm->L, 4)) return;
  lua_pushcfunction(vm->L, protected_note);
  lua_pushlightuserdata(vm->L, &n);
  int top = lua_gettop(vm->L) - 2;
  bool has_text = lua_pcall(vm->L, 1, LUA_MULTRET, 0) == LUA_OK && lua_gettop(vm->L) > top;
  // What is closed afterwards, and what catches the error, sees the text that took its place.
  if (has_text && lua_checkstack(L, 1)) lua_xmove(vm->L, L, 1);
  lua_settop(vm->L, top);
}

static int message_handler(lua_State *L) {
  if (mb_is_killed(mb_vm_of(L))) return 1;
  note_error(L, mb_vm_of(L), L, 1);
  return mb_place_raised(L);
}

// -- Protected calls --------------------------------------------------------------------------------

static int text_of_error(lua_State *L) {
  if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) return 0;
  mb_tolstring(L, 1, NULL);
  return 1;
}

const char *mb_error_text(const mb_vm *vm, size_t *length) {
  *length = vm->error_text_length;
  return vm->has_error_text ? vm->error_text : NULL;
}

// Asks the error value on top of the stack for its text, as `print` would. What goes wrong with that is no error of
// its own. A script whose own time is unlimited may have got the value from one whose time is not, so its
// `__tostring` has the time of one call.
static void note_text(lua_State *L, mb_vm *vm) {
  if (lua_type(L, -1) != LUA_TTABLE || !lua_checkstack(L, 4) || !lua_getmetatable(L, -1)) return;
  lua_pop(L, 1);
  // The coroutine that has failed may be no longer usable.
  lua_State *running = vm->running, *on = running ? running : vm->L;
  if (mb_is_killed(vm) || !lua_checkstack(on, 8)) return;
  lua_pushcfunction(on, text_of_error);
  if (on == L) {
    lua_pushvalue(L, -2);
  } else {
    lua_pushvalue(L, -1);
    lua_xmove(L, on, 1);
  }
  bool is_unlimited = vm->scope_is_open && vm->default_budget > 0 &&
                      atomic_load_explicit(&vm->budget, memory_order_relaxed) == 0;
  mb_scope outer;
  if (is_unlimited) outer = mb_scope_begin(vm, vm->default_budget);
  vm->running = on;
  mb_enter(vm);
  int status = lua_pcall(on, 1, 1, 0);
  vm->running = running;
  mb_leave(vm);
  if (is_unlimited) mb_scope_end(vm, outer);
  size_t length;
  const char *text = status == LUA_OK && lua_type(on, -1) == LUA_TSTRING ? lua_tolstring(on, -1, &length) : NULL;
  if (text) {
    char *copy = realloc(vm->error_text, length + 1);
    if (copy) {
      memcpy(copy, text, length + 1);
      vm->error_text = copy;
      vm->error_text_length = length;
      vm->has_error_text = true;
    }
  }
  lua_pop(on, 1);
}

// Appends the error value on top of the stack, and pops it.
int32_t mb_take_error(lua_State *L, mb_vm *vm) {
  size_t from = vm->token_count;
  const char *reason;
  // A value that stands for an error of the host is that error again.
  vm->has_error_text = false;
  if (mb_push_origin(L, vm))
    lua_remove(L, -2);
  else
    note_text(L, vm);
  if (!mb_encode(L, vm, -1, false, &reason)) {
    char text[64];
    int length = snprintf(text, sizeof text, "(error object is a %s value)", luaL_typename(L, -1));
    mb_token_append(vm, (mb_value){.tag = MB_STRING, .bits = length, .pointer = text}, true);
  } else {
    mb_keep_results(vm, from);
  }
  lua_pop(L, 1);
  return 1;
}

int32_t mb_append_error(mb_vm *vm, const char *text, bool copies) {
  // The text of an error before this one is not this one's.
  vm->has_error_text = false;
  mb_token_append(vm, (mb_value){.tag = MB_STRING, .bits = (int64_t)strlen(text), .pointer = text}, copies);
  return 1;
}

// Runs a C function below a protected call, with the machine's entry arguments; an error takes the place
// of the tokens from `base`. A call from within a coroutine is made on that one: Lua then counts the C
// stack of all of them together.
int32_t mb_protect_from(mb_vm *vm, size_t base, lua_CFunction body) {
  lua_State *running = vm->running;
  lua_State *L = running ? running : vm->L;
  if (!running) forget_error(vm);
  if (mb_is_killed(vm) && vm->entered >= vm->scope_entered) {
    mb_tokens_truncate(vm, base);
    return mb_report_kill(vm);
  }
  if (!lua_checkstack(L, 8) || (running && !mb_has_stack())) {
    const char *text = "stack overflow in the host";
    vm->exhaustions++;
    vm->c_exhaustions++;
    mb_tokens_truncate(vm, base);
    return mb_append_error(vm, text, false);
  }
  vm->running = L;
  int groups = vm->group_count;
  mb_enter(vm);
  lua_pushcfunction(L, message_handler);
  lua_pushcfunction(L, body);
  int open = mb_begin_call(vm, -1);
  int status = lua_pcall(L, 0, 0, -2);
  mb_end_call(vm, open);
  vm->running = running;
  if (mb_is_killed(vm)) {
    vm->group_count = groups;
    lua_pop(L, status == LUA_OK ? 1 : 2);
    mb_tokens_truncate(vm, base);
    status = mb_report_kill(vm);
    mb_leave(vm);
    return status;
  }
  mb_leave(vm);
  if (status == LUA_OK) {
    lua_pop(L, 1);
    return 0;
  }
  mb_tokens_truncate(vm, base);
  mb_note_caught(L, vm, status);
  mb_take_error(L, vm);
  lua_pop(L, 1);
  return status;
}

int32_t mb_protect(mb_vm *vm, lua_CFunction body) {
  return mb_protect_from(vm, vm->token_count, body);
}

static void append_results(lua_State *L, mb_vm *vm, int first, int last, int32_t tables) {
  size_t from = vm->token_count;
  if (last - first >= MB_MAX_RESULTS) luaL_error(L, "too many results");
  for (int i = first; i <= last; i++) {
    const char *reason;
    if (tables == MB_AS_REFERENCE) {
      mb_encode_reference(L, vm, i);
    } else if (tables == MB_AS_STATE) {
      if (!mb_encode(L, vm, i, true, &reason)) mb_encode_reference(L, vm, i);
    } else {
      if (!mb_encode(L, vm, i, false, &reason))
        luaL_error(L, "result%s%s: %s", vm->text_length ? " " : "", vm->text, reason);
    }
  }
  mb_keep_results(vm, from);
}

static int do_load(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  const mb_value *source = &vm->entry.self;
  const char *name = vm->tokens[vm->entry.base].pointer;
  const char *mode = vm->entry.tables ? "b" : "t";
  if (luaL_loadbufferx(L, source->pointer, (size_t)source->bits, name, mode) != LUA_OK) lua_error(L);
  if (vm->entry.function) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
    // A main chunk has one upvalue, its environment.
    lua_setupvalue(L, -2, 1);
  }
  mb_tokens_truncate(vm, vm->entry.base);
  mb_encode_reference(L, vm, -1);
  return 0;
}

static int32_t load(mb_vm *vm, const char *source, size_t length, const char *name, int32_t environment,
                    bool is_compiled) {
  size_t base = vm->token_count;
  vm->entry.base = base;
  vm->entry.function = environment;
  vm->entry.tables = is_compiled;
  vm->entry.self = (mb_value){.tag = MB_STRING, .bits = (int64_t)length, .pointer = source};
  mb_token_append(vm, (mb_value){.tag = MB_STRING, .pointer = name}, false);
  return mb_protect_from(vm, base, do_load);
}

int32_t mb_load(mb_vm *vm, const char *source, size_t length, const char *name, int32_t environment) {
  return load(vm, source, length, name, environment, false);
}

int32_t mb_load_compiled(mb_vm *vm, const void *bytes, size_t length) {
  return load(vm, bytes, length, "=" MB_HOST_CHUNK, 0, true);
}

typedef struct compiled {
  char *bytes;
  size_t length, capacity;
} compiled;

static int append_piece(lua_State *L, const void *bytes, size_t size, void *context) {
  (void)L;
  compiled *all = context;
  if (all->capacity - all->length < size) {
    size_t capacity = (all->length + size) * 2;
    char *grown = realloc(all->bytes, capacity);
    if (!grown) return 1;
    all->bytes = grown;
    all->capacity = capacity;
  }
  memcpy(all->bytes + all->length, bytes, size);
  all->length += size;
  return 0;
}

char *mb_compiled(mb_vm *vm, int32_t function, size_t *length) {
  compiled all = {NULL, 0, 0};
  if (!lua_checkstack(vm->L, 1)) return NULL;
  // Writing out what was compiled allocates nothing in Lua, and cannot raise.
  lua_rawgeti(vm->L, LUA_REGISTRYINDEX, function);
  bool failed = lua_dump(vm->L, append_piece, &all, 0) != 0;
  lua_pop(vm->L, 1);
  if (failed) {
    free(all.bytes);
    return NULL;
  }
  *length = all.length;
  return all.bytes;
}

static int do_call(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t at = vm->entry.base, end = vm->entry.count;
  int32_t tables = vm->entry.tables;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  int count = 0;
  for (; at < end; count++) {
    luaL_checkstack(L, 4, "too many arguments");
    at = mb_decode(L, vm, at, vm->entry.base);
  }
  mb_tokens_truncate(vm, vm->entry.base);
  mb_reserve_stack(L, vm, 250);
  if (tables != MB_AS_VERDICT) {
    lua_call(L, count, LUA_MULTRET);
    append_results(L, vm, 1, lua_gettop(L), tables);
    return 0;
  }
  lua_call(L, count, 1);
  bool is_false = lua_isboolean(L, 1) && !lua_toboolean(L, 1);
  if (is_false || lua_istable(L, 1)) append_results(L, vm, 1, 1, MB_AS_DATA);
  return 0;
}

int32_t mb_call(mb_vm *vm, int32_t function, size_t base, int32_t tables) {
  vm->entry.function = function;
  vm->entry.base = base;
  vm->entry.count = vm->token_count;
  vm->entry.tables = tables;
  return mb_protect_from(vm, base, do_call);
}

typedef struct getter {
  int32_t function;
  mb_value self;
} getter;

static int do_call_getter(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_reserve_stack(L, vm, 250);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  // Sources of watchers and computeds of setup functions take nothing, not even nil.
  int count = vm->entry.self.tag != MB_NIL;
  if (count) mb_push_value(L, vm, &vm->entry.self);
  lua_call(L, count, 1);
  if (lua_type(L, -1) == LUA_TFUNCTION) {
    mb_encode_reference(L, vm, -1);
    return 0;
  }
  size_t from = vm->token_count;
  const char *reason;
  if (!mb_encode(L, vm, -1, false, &reason))
    return luaL_error(L, "the result%s%s: %s", vm->text_length ? " at " : "", vm->text, reason);
  mb_keep_results(vm, from);
  return 0;
}

static int32_t call_getter_again(mb_vm *vm, void *context) {
  const getter *again = context;
  vm->entry.function = again->function;
  vm->entry.self = again->self;
  return mb_protect(vm, do_call_getter);
}

int32_t mb_call_getter(mb_vm *vm, int32_t function, mb_value self) {
  size_t base = vm->token_count;
  uint64_t exhaustions = vm->exhaustions, c_exhaustions = vm->c_exhaustions;
  vm->entry.function = function;
  vm->entry.self = self;
  int32_t status = mb_protect(vm, do_call_getter);
  if (vm->c_exhaustions == c_exhaustions || mb_is_killed(vm)) return status;
  // Whatever it made of the end of the stack says nothing about the state.
  getter again = {function, self};
  return mb_on_fresh_stack(vm, base, exhaustions, status, call_getter_again, &again);
}

static void enter_table(lua_State *L, mb_vm *vm) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  luaL_checktype(L, -1, LUA_TTABLE);
}

static int do_table_get(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  enter_table(L, vm);
  mb_decode(L, vm, vm->entry.base, vm->entry.base);
  mb_tokens_truncate(vm, vm->entry.base);
  lua_rawget(L, 1);
  append_results(L, vm, 2, 2, vm->entry.tables);
  return 0;
}

static int do_table_set(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  enter_table(L, vm);
  size_t at = mb_decode(L, vm, vm->entry.base, vm->entry.base);
  mb_decode(L, vm, at, vm->entry.base);
  mb_tokens_truncate(vm, vm->entry.base);
  lua_rawset(L, 1);
  return 0;
}

static int do_table_next(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  enter_table(L, vm);
  mb_decode(L, vm, vm->entry.base, vm->entry.base);
  mb_tokens_truncate(vm, vm->entry.base);
  if (lua_next(L, 1)) append_results(L, vm, 2, 3, vm->entry.tables);
  return 0;
}

static int32_t with_table(mb_vm *vm, int32_t table, size_t base, int32_t tables, lua_CFunction body) {
  vm->entry.function = table;
  vm->entry.base = base;
  vm->entry.tables = tables;
  return mb_protect_from(vm, base, body);
}

int32_t mb_table_get(mb_vm *vm, int32_t table, size_t base, int32_t tables) {
  return with_table(vm, table, base, tables, do_table_get);
}

int32_t mb_table_set(mb_vm *vm, int32_t table, size_t base) {
  return with_table(vm, table, base, MB_AS_DATA, do_table_set);
}

int32_t mb_table_next(mb_vm *vm, int32_t table, size_t base, int32_t tables) {
  return with_table(vm, table, base, tables, do_table_next);
}

static int do_table_data(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  const char *reason;
  size_t from = vm->token_count;
  if (!mb_encode(L, vm, -1, vm->entry.tables, &reason)) {
    return luaL_error(L, "%s%s%s", vm->text, vm->text_length ? ": " : "", reason);
  }
  mb_keep_results(vm, from);
  return 0;
}

int32_t mb_table_data(mb_vm *vm, int32_t table, bool strict) {
  vm->entry.function = table;
  vm->entry.tables = strict;
  return mb_protect(vm, do_table_data);
}

int64_t mb_table_length(mb_vm *vm, int32_t table) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 1)) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, table);
  int64_t length = (int64_t)lua_rawlen(L, -1);
  lua_pop(L, 1);
  return length;
}

static int do_make_reference(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_decode(L, vm, vm->entry.base, vm->entry.base);
  mb_tokens_truncate(vm, vm->entry.base);
  int type = lua_type(L, -1);
  mb_append_reference(vm, luaL_ref(L, LUA_REGISTRYINDEX), type);
  return 0;
}

int32_t mb_make_reference(mb_vm *vm, size_t base) {
  return with_table(vm, 0, base, MB_AS_REFERENCE, do_make_reference);
}

static int do_make_values(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  size_t end = vm->entry.count;
  for (size_t at = vm->entry.base; at < end;) {
    luaL_checkstack(L, 4, "too many values");
    at = mb_decode(L, vm, at, vm->entry.base);
  }
  return lua_gettop(L);
}

// Leaves the values on the main coroutine and returns their number, or -1.
static int leave_on_main(mb_vm *vm, lua_CFunction body, lua_State *from) {
  lua_State *L = vm->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 4)) return -1;
  lua_pushcfunction(L, body);
  if (from) lua_xmove(from, L, 1);
  if (lua_pcall(L, from ? 1 : 0, LUA_MULTRET, 0) != LUA_OK) {
    lua_settop(L, top);
    return -1;
  }
  return lua_gettop(L) - top;
}

int mb_make_values(mb_vm *vm, size_t base) {
  vm->entry.base = base;
  vm->entry.count = vm->token_count;
  return leave_on_main(vm, do_make_values, NULL);
}

static int do_make_error(lua_State *L) {
  mb_push_error(L, mb_vm_of(L));
  return 1;
}

int mb_make_error(mb_vm *vm) { return leave_on_main(vm, do_make_error, NULL); }

static int do_reference(lua_State *L) {
  mb_encode_reference(L, mb_vm_of(L), 1);
  return 0;
}

// Appends what stands on another coroutine, as a reference where it is no plain value.
int mb_reference_from(mb_vm *vm, lua_State *from, int index) {
  if (!lua_checkstack(from, 1)) return -1;
  lua_pushvalue(from, index);
  return leave_on_main(vm, do_reference, from);
}

static int do_globals(lua_State *L) {
  lua_pushglobaltable(L);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_globals(mb_vm *vm) { return mb_protect(vm, do_globals); }

static int do_custom_text(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  if (luaL_getmetafield(L, -1, "__tostring") == LUA_TNIL) return 0;
  lua_pop(L, 1);
  luaL_tolstring(L, -1, NULL);
  append_results(L, vm, lua_gettop(L), lua_gettop(L), MB_AS_DATA);
  return 0;
}

int32_t mb_custom_text(mb_vm *vm, int32_t reference) {
  vm->entry.function = reference;
  return mb_protect(vm, do_custom_text);
}

static int do_type_name(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry.function);
  if (!lua_getmetatable(L, -1)) return 0;
  lua_pushstring(L, "__name");
  // A number would be turned into a text in place, and is no name.
  if (lua_rawget(L, -2) == LUA_TSTRING) append_results(L, vm, lua_gettop(L), lua_gettop(L), MB_AS_DATA);
  return 0;
}

int32_t mb_type_name(mb_vm *vm, int32_t reference) {
  vm->entry.function = reference;
  return mb_protect(vm, do_type_name);
}

const void *mb_reference_identity(mb_vm *vm, int32_t reference) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 1)) return NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  const void *identity = lua_topointer(L, -1);
  lua_pop(L, 1);
  return identity;
}

void mb_release_reference(mb_vm *vm, int32_t reference) {
  // Two raw accesses to slots that exist: nothing here allocates.
  if (vm->L && lua_checkstack(vm->L, 3)) luaL_unref(vm->L, LUA_REGISTRYINDEX, reference);
}

bool mb_function_place(mb_vm *vm, int32_t function, char *source, size_t size, int32_t *line) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 1)) return false;
  if (lua_rawgeti(L, LUA_REGISTRYINDEX, function) != LUA_TFUNCTION) {
    lua_pop(L, 1);
    return false;
  }
  lua_Debug place;
  lua_getinfo(L, ">S", &place);
  snprintf(source, size, "%s", place.short_src);
  *line = place.linedefined;
  return place.linedefined > 0;
}

// -- Native functions -------------------------------------------------------------------------------

static int resumed(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  mb_vm *vm = mb_vm_of(L);
  if (vm->resume_raises) {
    vm->resume_raises = false;
    mb_object *error = mb_to_object(L, -1);
    if (error && error->kind == MB_KIND_ERROR) mb_locate(L, vm, error->pointer);
    return lua_error(L);
  }
  return lua_gettop(L);
}

int mb_suspend(lua_State *L, mb_vm *vm) {
  int32_t refusal = mb_wait_refusal(vm);
  if (refusal > MB_WAIT_BLOCKED) return mb_refuse_wait(L, refusal);
  if (!lua_isyieldable(L) || L == vm->L || vm->blocked)
    return luaL_error(L, "cannot wait here (inside a getter, or a function that C code calls)");
  int32_t innermost;
  if (vm->current) vm->current->waited_calls = mb_count_calls(vm, &innermost);
  vm->suspending = true;
  lua_settop(L, 0);
  return lua_yieldk(L, 0, 0, resumed);
}

// Raises a text with the place of the script that called, however much Lua of the host lies between.
static int raise_in_script(lua_State *L, const char *text) {
  lua_Debug place;
  if (mb_find_script(L, 1, &place))
    lua_pushfstring(L, "%s:%d: %s", place.short_src, place.currentline, text);
  else
    lua_pushstring(L, text);
  return lua_error(L);
}

int mb_invoke_native(lua_State *L, mb_vm *vm, int32_t function, int32_t tables) {
  mb_check_stack(L);
  int count = lua_gettop(L);
  size_t base = vm->token_count;
  for (int i = 1; i <= count; i++) {
    int type = lua_type(L, i);
    bool tells = tables == MB_AS_TOLD_DATA;
    if (tables == MB_AS_REFERENCE || type == LUA_TFUNCTION || (tells && type == LUA_TTHREAD)) {
      mb_encode_reference(L, vm, i);
      continue;
    }
    const char *reason;
    if (!mb_encode(L, vm, i, true, &reason)) {
      mb_tokens_truncate(vm, base);
      const char *place = vm->text_length ? " at " : "";
      if (tells) {
        lua_pushfstring(L, "%s%s: %s", place, vm->text, reason);
        if (mb_encode(L, vm, -1, true, &reason)) {
          int32_t status = vm->callbacks.native(vm->callbacks.owner, function, base, -i);
          mb_tokens_truncate(vm, base);
          if (status < 0) return mb_fail(L, vm, status);
        }
        return luaL_error(L, "an argument is no data");
      }
      const char *text = lua_pushfstring(L, "argument %d%s%s: %s", i, place, vm->text, reason);
      return raise_in_script(L, text);
    }
  }
  int32_t results = vm->callbacks.native(vm->callbacks.owner, function, base, count);
  if (results < 0) {
    mb_tokens_truncate(vm, base);
    return mb_fail(L, vm, results);
  }
  if (!lua_checkstack(L, results + 4)) {
    mb_tokens_truncate(vm, base);
    return luaL_error(L, "stack overflow (too many results)");
  }
  size_t at = base;
  for (int32_t i = 0; i < results; i++) at = mb_decode(L, vm, at, base);
  mb_tokens_truncate(vm, base);
  return results;
}

// (Upvalue: the number of the native, and in its two lowest bits how its arguments cross.)
static int call_native(lua_State *L) {
  lua_Integer native = lua_tointeger(L, lua_upvalueindex(1));
  return mb_invoke_native(L, mb_vm_of(L), (int32_t)(native >> 2), (int32_t)(native & 3));
}

static void push_native(lua_State *L, int32_t function, int32_t tables) {
  lua_pushinteger(L, (lua_Integer)function << 2 | tables);
  lua_pushcclosure(L, call_native, 1);
}

static int do_make_native(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  push_native(L, vm->entry.function, vm->entry.tables);
  mb_encode_reference(L, vm, -1);
  return 0;
}

static int do_set_natives(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  enter_table(L, vm);
  for (size_t at = vm->entry.base; at < vm->entry.count; at += 3) {
    const mb_value *name = &vm->tokens[at];
    lua_pushlstring(L, name->pointer ? name->pointer : "", (size_t)name->bits);
    push_native(L, (int32_t)name[1].bits, name[2].tag == MB_TRUE ? MB_AS_REFERENCE : MB_AS_TOLD_DATA);
    lua_rawset(L, 1);
  }
  mb_tokens_truncate(vm, vm->entry.base);
  return 0;
}

int32_t mb_set_natives(mb_vm *vm, int32_t table, size_t base) {
  vm->entry.count = vm->token_count;
  return with_table(vm, table, base, MB_AS_DATA, do_set_natives);
}

int32_t mb_make_native(mb_vm *vm, int32_t function, int32_t tables) {
  vm->entry.function = function;
  vm->entry.tables = tables;
  return mb_protect(vm, do_make_native);
}
