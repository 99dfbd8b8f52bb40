// Actions: what scripts get for `store.action`. A number stands between the function that callers hold
// and the one that runs, so that a reload, middleware or a hook reaches everyone who kept the first.
#include <stdio.h>
#include <stdlib.h>

#include "bridge.h"

static int finish(lua_State *L, int status, lua_KContext grant) {
  // Only what has yielded, or waited, comes back as a continuation.
  if (status == LUA_YIELD) mb_note_return(mb_vm_of(L));
  mb_attenuate(L, mb_vm_of(L), (uint16_t)grant, 1);
  return lua_gettop(L);
}

// A driver's call is a turn of its own: Swift runs it on another coroutine and hands over how it ended.
static int drive(lua_State *L, mb_vm *vm, int32_t action, uint16_t grant) {
  lua_State *driver = vm->driver;
  int arguments = vm->driver_arguments;
  vm->driver = L;
  vm->driver_arguments = lua_gettop(L);
  int32_t status = vm->callbacks.drive(vm->callbacks.owner, action);
  vm->driver = driver;
  vm->driver_arguments = arguments;
  if (status == MB_RAISE || status == MB_SUSPEND) return mb_fail(L, vm, status);

  mb_run *run = vm->driven;
  vm->driven = NULL;
  int count = status == MB_RERAISE ? 1 : run->results;
  lua_settop(L, 0);
  bool fits = lua_checkstack(L, count + 4);
  if (fits) lua_xmove(run->co, L, count);
  mb_run_release(run);
  if (!fits) return luaL_error(L, "too many results");
  if (status == MB_RERAISE) return lua_error(L);
  mb_attenuate(L, vm, grant, 1);
  return count;
}

// Calls the function behind an action; self and the arguments are on the stack.
static int run_function(lua_State *L, mb_vm *vm, const mb_action_entry *entry, uint16_t grant) {
  if (entry->flags & MB_ACTION_NATIVE) return mb_invoke_native(L, vm, entry->function, MB_AS_DATA);
  luaL_checkstack(L, 1, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, entry->function);
  if (entry->flags & MB_ACTION_TAKES_SELF)
    lua_insert(L, 1);
  else
    lua_replace(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, grant, finish);
  return finish(L, LUA_OK, grant);
}

static bool is_of(mb_vm *vm, const mb_object *handle, const mb_action_entry *entry) {
  return handle->pointer == entry->store ||
         vm->callbacks.same_store(vm->callbacks.owner, handle->pointer, entry->store);
}

int mb_call_action(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  int32_t action = (int32_t)lua_tointeger(L, lua_upvalueindex(1));
  mb_action_entry *entry = &vm->actions[action];
  if (!entry->in_use || entry->flags & MB_ACTION_GONE)
    return luaL_error(L, "this action is gone: its store was disposed, or reloaded without it");
  uint16_t grant = (uint16_t)lua_tointeger(L, lua_upvalueindex(2));
  if (grant != 0) {
    int32_t status = vm->callbacks.authorize(vm->callbacks.owner, action, grant);
    if (status < 0) return mb_fail(L, vm, status);
    // Asking a condition can have made actions.
    entry = &vm->actions[action];
  }
  mb_object *self = mb_to_object(L, 1);
  bool has_self = self && self->kind == vm->handle_kind && is_of(vm, self, entry);
  if (!has_self || self->grant != 0 || self->pointer != entry->store) {
    // Called as a plain function, or through a handle with fewer rights: an action has all rights on
    // its own store, whoever calls it.
    luaL_checkstack(L, 1, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, entry->handle);
    if (has_self)
      lua_replace(L, 1);
    else
      lua_insert(L, 1);
  }
  if (vm->driving) return drive(L, vm, action, grant);
  int open = mb_begin_call(vm, action);
  if (entry->flags & MB_ACTION_HOOKED) {
    luaL_checkstack(L, 4, NULL);
    int before = lua_gettop(L);
    if (entry->plan) {
      lua_rawgeti(L, LUA_REGISTRYINDEX, entry->plan);
      lua_rawgeti(L, -1, 0);
      lua_insert(L, -2);
      lua_pushinteger(L, 1);
    } else {
      lua_rawgeti(L, LUA_REGISTRYINDEX, vm->dispatcher);
      lua_pushinteger(L, action);
    }
    lua_rotate(L, 1, lua_gettop(L) - before);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, grant, finish);
    mb_end_call(vm, open);
    return finish(L, LUA_OK, grant);
  }
  int results = run_function(L, vm, entry, grant);
  mb_end_call(vm, open);
  return results;
}

static void forget_plan(mb_vm *vm, mb_action_entry *entry) {
  if (entry->plan) mb_release_reference(vm, entry->plan);
  entry->plan = 0;
}

static mb_action_entry *check_action(lua_State *L, mb_vm *vm, int index) {
  lua_Integer action = luaL_checkinteger(L, index);
  if (action < 0 || action >= vm->action_count || !vm->actions[action].in_use ||
      vm->actions[action].flags & MB_ACTION_GONE)
    luaL_error(L, "no such action");
  return &vm->actions[action];
}

// codeOf(number) -> the Lua function behind an action, and whether it takes the store; nil for the host's.
static int code_of_action(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  const mb_action_entry *entry = check_action(L, vm, 1);
  if (entry->flags & MB_ACTION_NATIVE) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, entry->function);
  lua_pushboolean(L, (entry->flags & MB_ACTION_TAKES_SELF) != 0);
  return 2;
}

// invoke(code, takesSelf, number, self, ...): what the dispatcher calls at the core of the onion. A call that
// waited on its way there finds the code that it began with, whatever has been reloaded since.
static int invoke_action(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  if (!lua_isfunction(L, 1)) {
    const mb_action_entry *entry = check_action(L, vm, 3);
    lua_rotate(L, 1, -3);
    lua_pop(L, 3);
    return run_function(L, vm, entry, 0);
  }
  bool takes_self = lua_toboolean(L, 2);
  lua_remove(L, 3);
  lua_remove(L, 2);
  if (!takes_self) lua_remove(L, 2);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, finish);
  return finish(L, LUA_OK, 0);
}

// keepPlan(number, plan): calls go to plan[0](plan, 1, self, ...) until something about the action changes.
static int keep_plan(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  int plan = luaL_ref(L, LUA_REGISTRYINDEX);
  mb_vm *vm = mb_vm_of(L);
  mb_action_entry *entry = check_action(L, vm, 1);
  forget_plan(vm, entry);
  entry->plan = plan;
  return 0;
}

static int do_make_invoker(lua_State *L) {
  lua_pushcfunction(L, invoke_action);
  mb_encode_reference(L, mb_vm_of(L), -1);
  lua_pushcfunction(L, code_of_action);
  mb_encode_reference(L, mb_vm_of(L), -1);
  lua_pushcfunction(L, keep_plan);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_make_invoker(mb_vm *vm) { return mb_protect(vm, do_make_invoker); }

static int call_bound(lua_State *L) {
  luaL_checkstack(L, 2, NULL);
  for (int i = 1; i <= 2; i++) {
    lua_pushvalue(L, lua_upvalueindex(i));
    lua_insert(L, i);
  }
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, finish);
  return lua_gettop(L);
}

// bind(function, value). What it makes is C, so that a tail call to it leaves the frame of the script, and
// with it the line to tell.
static int bind(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, call_bound, 2);
  return 1;
}

static int do_make_binder(lua_State *L) {
  lua_pushcfunction(L, bind);
  mb_encode_reference(L, mb_vm_of(L), -1);
  return 0;
}

int32_t mb_make_binder(mb_vm *vm) { return mb_protect(vm, do_make_binder); }

static int do_make_handle(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  mb_decode(L, vm, vm->entry.base, vm->entry.base);
  mb_tokens_truncate(vm, vm->entry.base);
  mb_append_reference(vm, luaL_ref(L, LUA_REGISTRYINDEX), LUA_TUSERDATA);
  return 0;
}

int32_t mb_make_handle(mb_vm *vm, size_t base) {
  vm->entry.base = base;
  return mb_protect_from(vm, base, do_make_handle);
}

int32_t mb_action_new(mb_vm *vm, const void *store, int32_t handle, int32_t function, uint32_t flags) {
  if (vm->action_count == vm->action_capacity) {
    int32_t capacity = vm->action_capacity ? vm->action_capacity * 2 : 32;
    mb_action_entry *actions = realloc(vm->actions, (size_t)capacity * sizeof *actions);
    if (!actions) return -1;
    vm->actions = actions;
    vm->action_capacity = capacity;
  }
  // Numbers are not given out twice: a function that somebody kept must not come to mean another action.
  vm->action_last = vm->action_count++;
  vm->actions[vm->action_last] = (mb_action_entry){
      .store = store, .handle = handle, .function = function, .flags = flags, .in_use = true};
  return vm->action_last;
}

static int do_action_own(lua_State *L) {
  mb_vm *vm = mb_vm_of(L);
  int32_t action = vm->entry.function;
  lua_pushinteger(L, action);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, mb_call_action, 2);
  vm->actions[action].closure = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

// Most actions of most stores are never called by a script, so that nothing is made for them.
int32_t mb_action_own(mb_vm *vm, int32_t action) {
  if (vm->actions[action].closure) return 0;
  vm->entry.function = action;
  return mb_protect(vm, do_action_own);
}

int32_t mb_action_own_reference(const mb_vm *vm, int32_t action) { return vm->actions[action].closure; }

// It asks `authorize` at each call, and what it returns carries the grant. Holders of one grant get one function
// for as long as any of them keeps it.
void mb_push_action(lua_State *L, mb_vm *vm, int32_t action, uint16_t grant) {
  mb_action_entry *entry = &vm->actions[action];
  if (!entry->in_use || (grant == 0 && !entry->closure)) return lua_pushnil(L);
  if (grant == 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, entry->closure);
    return;
  }
  luaL_checkstack(L, 6, NULL);
  lua_Integer key = (lua_Integer)action << 16 | grant;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->granted_actions);
  if (lua_rawgeti(L, -1, key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushinteger(L, action);
    lua_pushinteger(L, grant);
    // The handle keeps the grant from being given back while the function is there.
    mb_push_object(L, vm, vm->handle_kind, grant, entry->store);
    lua_pushcclosure(L, mb_call_action, 3);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, key);
  }
  lua_replace(L, -2);
}

// Whoever changes what surrounds an action, or its code, sets its flags or its function.
void mb_action_set_flags(mb_vm *vm, int32_t action, uint32_t flags) {
  vm->actions[action].flags = flags;
  forget_plan(vm, &vm->actions[action]);
}

void mb_action_set_function(mb_vm *vm, int32_t action, int32_t function) {
  vm->actions[action].function = function;
  forget_plan(vm, &vm->actions[action]);
}

void mb_action_free(mb_vm *vm, int32_t action) {
  mb_action_entry *entry = &vm->actions[action];
  if (!entry->in_use) return;
  entry->in_use = false;
  forget_plan(vm, entry);
  if (entry->closure) mb_release_reference(vm, entry->closure);
}

bool mb_action_parameters(mb_vm *vm, int32_t action, char *names, size_t size) {
  const mb_action_entry *entry = &vm->actions[action];
  lua_State *L = vm->L;
  size_t length = 0;
  names[0] = 0;
  // Asking for names allocates nothing and cannot raise.
  if (!entry->in_use || entry->flags & MB_ACTION_NATIVE || !lua_checkstack(L, 2)) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, entry->function);
  lua_pushvalue(L, -1);
  lua_Debug about;
  lua_getinfo(L, ">u", &about);
  for (int i = entry->flags & MB_ACTION_TAKES_SELF ? 2 : 1; i <= about.nparams + about.isvararg; i++) {
    const char *name = i <= about.nparams ? lua_getlocal(L, NULL, i) : "...";
    int written = snprintf(names + length, size - length, "%s%s", length ? "\n" : "", name ? name : "?");
    if (written < 0 || (size_t)written >= size - length) {
      names[length] = 0;
      break;
    }
    length += (size_t)written;
  }
  lua_pop(L, 1);
  return true;
}

void mb_set_dispatcher(mb_vm *vm, int32_t function) { vm->dispatcher = function; }
