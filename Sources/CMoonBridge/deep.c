// Getters that read each other deeper than one stack allows.
//
// Each getter that reads another one takes some levels of Lua's C calls, of which there are 200, and some of the C
// stack of the thread. Where one of them ends, the getter that has found it is called once more, on a coroutine that
// counts from 0 and with a C stack that has room: a region of its own, to which the same thread switches. So it does
// not matter how deep the first caller stood, and chains of thousands of getters can be evaluated from the top.
//
// Errors never cross from one stack to another: each call is protected, and its error is a token when it comes back.
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#if defined(__APPLE__)
#define _XOPEN_SOURCE 700
#define _DARWIN_C_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__GLIBC__) || defined(__APPLE__)
#define MB_CAN_SWITCH 1
#include <ucontext.h>
#endif

#include "bridge.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MB_FIBERS_OF_ASAN 1
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_feature(thread_sanitizer)
#define MB_FIBERS_OF_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif
#endif

// Address space, of which only what is used becomes memory.
#define STACK_SIZE ((size_t)64 << 20)
// What is left at the end of each for what is called below.
#define STACK_RESERVE ((size_t)256 * 1024)
// The most regions that are in use at a time, and coroutines begun one inside of another.
#define MAX_STACKS 4
#define MAX_FRESH 400

typedef struct mb_stack mb_stack;
struct mb_stack {
  char *low;
  mb_stack *next;
};

uint64_t mb_vm_exhaustions(const mb_vm *vm) { return vm->exhaustions; }

void mb_note_caught(lua_State *L, mb_vm *vm, int status) {
  if (status == LUA_ERRMEM || status == LUA_ERRERR) {
    vm->exhaustions++;
    return;
  }
  if (lua_type(L, -1) != LUA_TSTRING) return;
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (length > 4096 || !strstr(text, "stack overflow")) return;
  vm->exhaustions++;
  if (strstr(text, "C stack overflow")) vm->c_exhaustions++;
}

// Runs on a new coroutine, which no other has resumed, so that Lua counts the C calls on it from 0.
static int32_t on_fresh_coroutine(mb_vm *vm, int32_t (*body)(mb_vm *vm, void *context), void *context,
                                  int32_t status) {
  mb_run *run = mb_run_new(vm);
  if (!run) return status;
  lua_State *running = vm->running;
  vm->running = run->co;
  status = body(vm, context);
  vm->running = running;
  // What was killed is never used again.
  if (mb_is_killed(vm)) run->killed = mb_is_killed(vm);
  mb_run_release(run);
  return status;
}

#if defined(MB_CAN_SWITCH)
typedef struct journey {
  mb_vm *vm;
  int32_t (*body)(mb_vm *vm, void *context);
  void *context;
  int32_t status;
  ucontext_t here, there;
#if defined(MB_FIBERS_OF_ASAN)
  const void *bottom;
  size_t size;
#endif
#if defined(MB_FIBERS_OF_TSAN)
  void *home;
#endif
} journey;

// Arguments of a context are whole numbers, which need not hold a pointer.
static _Thread_local journey *departing;

static void travel(void) {
  journey *trip = departing;
#if defined(MB_FIBERS_OF_ASAN)
  __sanitizer_finish_switch_fiber(NULL, &trip->bottom, &trip->size);
#endif
  trip->status = on_fresh_coroutine(trip->vm, trip->body, trip->context, trip->status);
#if defined(MB_FIBERS_OF_ASAN)
  __sanitizer_start_switch_fiber(NULL, trip->bottom, trip->size);
#endif
#if defined(MB_FIBERS_OF_TSAN)
  __tsan_switch_to_fiber(trip->home, 0);
#endif
}

static mb_stack *take_stack(mb_vm *vm) {
  mb_stack *stack = vm->stack;
  if (stack) {
    vm->stack = stack->next;
    return stack;
  }
  stack = calloc(1, sizeof *stack);
  if (!stack) return NULL;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_NORESERVE)
  flags |= MAP_NORESERVE;
#endif
  void *low = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (low == MAP_FAILED) {
    free(stack);
    return NULL;
  }
  // Nothing writes below its end in silence.
  mprotect(low, 64 * 1024, PROT_NONE);
  stack->low = low;
  return stack;
}

#if defined(__APPLE__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#endif

static int32_t on_other_stack(mb_vm *vm, int32_t (*body)(mb_vm *vm, void *context), void *context, int32_t status) {
  mb_stack *stack = vm->stacks_in_use < MAX_STACKS ? take_stack(vm) : NULL;
  if (!stack) return status;
  journey trip = {.vm = vm, .body = body, .context = context, .status = status};
  if (getcontext(&trip.there) == 0) {
    trip.there.uc_stack.ss_sp = stack->low;
    trip.there.uc_stack.ss_size = STACK_SIZE;
    trip.there.uc_link = &trip.here;
    makecontext(&trip.there, travel, 0);
    char *end = mb_stack_end;
    journey *outer = departing;
    mb_stack_end = stack->low + STACK_RESERVE;
    departing = &trip;
    vm->stacks_in_use++;
#if defined(MB_FIBERS_OF_ASAN)
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, stack->low, STACK_SIZE);
#endif
#if defined(MB_FIBERS_OF_TSAN)
    void *fiber = __tsan_create_fiber(0);
    trip.home = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber, 0);
#endif
    swapcontext(&trip.here, &trip.there);
#if defined(MB_FIBERS_OF_TSAN)
    __tsan_destroy_fiber(fiber);
#endif
#if defined(MB_FIBERS_OF_ASAN)
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    vm->stacks_in_use--;
    departing = outer;
    mb_stack_end = end;
  }
  stack->next = vm->stack;
  vm->stack = stack;
  return trip.status;
}

#if defined(__APPLE__)
#pragma clang diagnostic pop
#endif

void mb_free_stacks(mb_vm *vm) {
  while (vm->stack) {
    mb_stack *stack = vm->stack;
    vm->stack = stack->next;
    munmap(stack->low, STACK_SIZE);
    free(stack);
  }
}
#else
static int32_t on_other_stack(mb_vm *vm, int32_t (*body)(mb_vm *vm, void *context), void *context, int32_t status) {
  (void)vm, (void)body, (void)context;
  return status;
}

void mb_free_stacks(mb_vm *vm) { (void)vm; }
#endif

// Room for the levels that one coroutine allows.
static bool has_room(void) { return (char *)__builtin_frame_address(0) > mb_stack_end + 3 * STACK_RESERVE; }

int32_t mb_on_fresh_stack(mb_vm *vm, size_t base, uint64_t exhaustions, int32_t status,
                          int32_t (*body)(mb_vm *vm, void *context), void *context) {
  if (vm->freshness >= MAX_FRESH) return status;
  mb_tokens_truncate(vm, base);
  vm->exhaustions = exhaustions;
  vm->freshness++;
  int32_t untried = -1;
  int32_t again = has_room() ? on_fresh_coroutine(vm, body, context, untried)
                             : on_other_stack(vm, body, context, untried);
  vm->freshness--;
  if (again != untried) return again;
  // There is none: the end of the stack is what it has found.
  vm->exhaustions = exhaustions + 1;
  return mb_append_error(vm, "stack overflow", false);
}
