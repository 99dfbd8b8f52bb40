// What ends a turn that runs over its limits.
#include "bridge.h"

_Noreturn void mb_raise_kill(lua_State *L, mb_vm *vm) {
  (void)vm;
  // Without allocation, and unlike every value that a script can make.
  static const char sentinel;
  lua_pushlightuserdata(L, (void *)(uintptr_t)&sentinel);
  lua_error(L);
  __builtin_unreachable();
}
