// Whose time a turn has used.
//
// A loop that calls a cheap action of another script is found in the middle of that action as often as not, and
// the other script has done nothing wrong. So what counts is which call lasted: of the calls that were open for more
// than half of the looks that the watchdog took, the innermost one. The loop's own call was open in each of them,
// and each call of the cheap action in one at most; an action that does not end was open in each of them too, and
// is further in than its caller.
#include <string.h>

#include "bridge.h"

void mb_look_at_calls(mb_vm *vm, bool is_new) {
  if (is_new) {
    vm->watch.looks = 0;
    memset(vm->watch.calls, 0, sizeof vm->watch.calls);
  }
  vm->watch.looks++;
  int count = mb_open_call_count(vm);
  if (count > MB_OPEN_CALLS) count = MB_OPEN_CALLS;
  for (int i = 0; i < count; i++) {
    uint64_t serial = atomic_load_explicit(&vm->open_calls.call[i].serial, memory_order_relaxed);
    if (vm->watch.calls[i].serial != serial) {
      vm->watch.calls[i].serial = serial;
      vm->watch.calls[i].count = 0;
    }
    if (++vm->watch.calls[i].count > vm->watch.calls[i].most_count) {
      vm->watch.calls[i].most = serial;
      vm->watch.calls[i].most_count = vm->watch.calls[i].count;
    }
  }
}

void mb_choose_lasting_call(mb_vm *vm) {
  uint64_t lasting = vm->watch.looks < 2 ? MB_CALL_UNKNOWN : 0;
  for (int i = MB_OPEN_CALLS - 1; i >= 0 && lasting == 0; i--)
    if (vm->watch.calls[i].most_count * 2 > vm->watch.looks) lasting = vm->watch.calls[i].most;
  atomic_store_explicit(&vm->lasting, lasting, memory_order_relaxed);
}

// Each action that a script has called is a frame of C on its stack, and one open call.
void mb_note_lasting_call(lua_State *L, mb_vm *vm) {
  vm->kill.above = vm->kill.lasting_action = -1;
  uint64_t lasting = atomic_load_explicit(&vm->lasting, memory_order_relaxed);
  if (mb_is_killed(vm) != MB_KILLED_TIME || lasting == MB_CALL_UNKNOWN) {
    vm->kill.above = 0;
    return;
  }
  int open = mb_open_call_count(vm), wanted = 0;
  int known = open < MB_OPEN_CALLS ? open : MB_OPEN_CALLS;
  while (wanted < known && atomic_load_explicit(&vm->open_calls.call[wanted].serial, memory_order_relaxed) != lasting)
    wanted++;
  if (wanted == known) return;
  vm->kill.lasting_action = vm->open_calls.call[wanted].action;
  lua_Debug place;
  int at = open - 1, lines = 0;
  for (int level = 0; level < 32 && lua_getstack(L, level, &place); level++) {
    lua_getinfo(L, "Sl", &place);
    if (place.what[0] == 'C') {
      if (!lua_checkstack(L, 2)) return;
      if (mb_action_of(L, &place) >= 0) at--;
      continue;
    }
    if (place.currentline <= 0 || place.source[0] == '=') continue;
    if (at <= wanted) {
      vm->kill.above = lines;
      return;
    }
    lines++;
  }
}

int32_t mb_blamed_level(const mb_vm *vm) { return vm->kill.above; }
int32_t mb_blamed_action(const mb_vm *vm) { return vm->kill.lasting_action; }
