// The thread that notices that a turn runs over its time.
//
// It polls; what a turn pays is a number that changes and an exchange when it leaves. A machine that runs over its budget
// is interrupted on the thread that runs it, as lua.c does for Ctrl-C, so that nothing races with Lua:
// by a signal, or, on Darwin, where threads of a queue cannot be signalled, while the thread is suspended.
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge.h"

#if defined(__APPLE__)
#include <mach/mach.h>
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// The sanitizer holds signals back until the thread calls something that it knows, which a loop in Lua never does.
#define DIRECT 1
#endif
#endif

#define POLL_NANOSECONDS 2000000
#define STUCK_NANOSECONDS 5000000000
// Polls without a machine that runs, until the thread goes to sleep.
#define PATIENCE 50
// Ignored unless somebody asks for it; what other run-times use for the same.
#define SIGNAL SIGURG

// The gate of a machine: whether Lua runs, and whether the watchdog is about to signal its thread, which may not
// leave before it has.
enum { OUTSIDE = 0, INSIDE = 1, SIGNALLING = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static mb_vm *machines;
static uint64_t identities;
static bool is_running;
static atomic_bool is_asleep;

// The machines that this thread has entered, innermost first.
static _Thread_local mb_vm *here;
static _Thread_local bool is_prepared;
static _Thread_local mb_clock clock_here;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// How long a thread has computed; a machine is not blamed for what others do meanwhile.
static int64_t computed(mb_clock clock) {
#if defined(__APPLE__)
  thread_basic_info_data_t info;
  mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
  if (thread_info(clock, THREAD_BASIC_INFO, (thread_info_t)&info, &count) != KERN_SUCCESS) return -1;
  return ((int64_t)info.user_time.seconds + info.system_time.seconds) * 1000000000 +
         ((int64_t)info.user_time.microseconds + info.system_time.microseconds) * 1000;
#else
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) return -1;
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
#endif
}

// -- Interrupting -----------------------------------------------------------------------------------

// On the thread that runs the machine, or while it stands still.
MB_UNSANITIZED static void interrupt(mb_vm *vm) {
  // Meanwhile that turn may have ended, and another one begun.
  uint64_t wanted = atomic_load_explicit(&vm->overrun, memory_order_relaxed);
  if (wanted == 0 || wanted != atomic_load_explicit(&vm->scope, memory_order_relaxed)) return;
  mb_kill(vm, MB_KILLED_TIME);
}

#if defined(DIRECT)
static void prepare(void) {}
static bool reach(mb_vm *vm) {
  interrupt(vm);
  return true;
}
#elif defined(__APPLE__)
static void prepare(void) {}
static bool reach(mb_vm *vm) {
  thread_act_t thread = pthread_mach_thread_np(vm->thread);
  if (thread_suspend(thread) != KERN_SUCCESS) return false;
  interrupt(vm);
  thread_resume(thread);
  return true;
}
#else
static struct sigaction previous;

static void on_signal(int number, siginfo_t *info, void *context) {
  int saved = errno;
  bool ours = false;
  for (mb_vm *vm = here; vm; vm = vm->below) {
    if (!(atomic_load_explicit(&vm->gate, memory_order_relaxed) & INSIDE)) continue;
    ours |= atomic_load_explicit(&vm->overrun, memory_order_relaxed) != 0;
    interrupt(vm);
  }
  if (!ours) {
    if (previous.sa_flags & SA_SIGINFO) {
      if (previous.sa_sigaction) previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
      previous.sa_handler(number);
    }
  }
  errno = saved;
}

// Also when somebody else has put a handler in the place of ours, which then comes after it.
static void prepare(void) {
  struct sigaction current;
  if (sigaction(SIGNAL, NULL, &current) == 0 && current.sa_flags & SA_SIGINFO &&
      current.sa_sigaction == on_signal)
    return;
  previous = current;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGNAL, &action, NULL);
}

static bool reach(mb_vm *vm) { return pthread_kill(vm->thread, SIGNAL) == 0; }
#endif

static void strike(mb_vm *vm) {
  unsigned inside = INSIDE;
  // Who leaves meanwhile waits for the signal to be sent, so that no thread is signalled that has left.
  if (!atomic_compare_exchange_strong(&vm->gate, &inside, INSIDE | SIGNALLING)) return;
  // A handler that does not answer may have been replaced.
  if (vm->watch.strikes == 8) prepare();
  if (reach(vm)) vm->watch.strikes++;
  atomic_store_explicit(&vm->gate, INSIDE, memory_order_release);
}

// -- Watching ---------------------------------------------------------------------------------------

// Looks at one machine; returns whether it works.
static bool look(mb_vm *vm, int64_t elapsed) {
  bool is_inside = atomic_load_explicit(&vm->gate, memory_order_acquire) & INSIDE;
  uint64_t scope = atomic_load_explicit(&vm->scope, memory_order_relaxed);
  // Between two entries of a scope its thread delivers, commits and undoes, which is on the scope's account too.
  if (!is_inside && (scope == 0 || atomic_load_explicit(&vm->entered_scope, memory_order_acquire) != scope)) {
    vm->watch.was_inside = false;
    return false;
  }
  int64_t budget = atomic_load_explicit(&vm->budget, memory_order_relaxed);
  bool is_new = scope != vm->watch.scope;
  if (is_new) {
    vm->watch.scope = scope;
    vm->watch.used = vm->watch.passed = 0;
    vm->watch.wait = 0;
    vm->watch.strikes = 0;
    vm->watch.is_reported = false;
    vm->watch.was_inside = false;
  }
  mb_clock clock = atomic_load_explicit(&vm->clock, memory_order_relaxed);
  int64_t at = computed(clock);
  if (vm->watch.was_inside) {
    vm->watch.passed += elapsed;
    // Unknown, or on another thread by now: what has passed will do.
    bool known = at >= 0 && vm->watch.at >= 0 && clock == vm->watch.clock && at >= vm->watch.at;
    vm->watch.used += known ? at - vm->watch.at : elapsed;
  }
  vm->watch.clock = clock;
  vm->watch.at = at;
  vm->watch.was_inside = true;
  mb_look_at_calls(vm, is_new);
  bool is_unwanted = mb_vm_is_unwanted(vm);
  if (scope == 0 || (budget == 0 && !is_unwanted)) return true;
  // One that does not compute may wait for a lock, or, for a while, for its turn on a busy machine.
  bool stuck = budget > 0 && (vm->watch.used / 10 >= budget ||
                              (vm->watch.passed / 10 >= budget && vm->watch.passed >= STUCK_NANOSECONDS));
  if (stuck && !vm->watch.is_reported) {
    vm->watch.is_reported = true;
    if (vm->stuck) vm->stuck(vm->stuck_context, (double)vm->watch.passed / 1e9);
  }
  if (!is_unwanted && vm->watch.used < budget) return true;

  if (atomic_load_explicit(&vm->overrun, memory_order_relaxed) != scope) mb_choose_lasting_call(vm);
  atomic_store_explicit(&vm->overrun, scope, memory_order_relaxed);
  // Again and again, since an interruption can meet the machine where it has no effect; but less and less
  // often, since a host function that takes its time is interrupted as well.
  if (!is_inside) {
    // Who delivers asks by itself, as does the next entry.
  } else if (vm->watch.wait > 0) {
    vm->watch.wait--;
  } else {
    strike(vm);
    vm->watch.wait = vm->watch.strikes < 5 ? 1 << vm->watch.strikes : 32;
  }
  return true;
}

static void rest(void) {
  struct timespec time = {0, POLL_NANOSECONDS};
  pthread_mutex_unlock(&lock);
  nanosleep(&time, NULL);
  pthread_mutex_lock(&lock);
}

static bool look_at_all(int64_t elapsed) {
  bool busy = false;
  for (mb_vm *vm = machines; vm; vm = vm->watch.next) busy |= look(vm, elapsed);
  return busy;
}

static void *watch(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  int64_t last = now();
  int idle = 0;
  for (;;) {
    int64_t time = now();
    idle = look_at_all(time - last) ? 0 : idle + 1;
    last = time;
    if (idle < PATIENCE) {
      rest();
      continue;
    }
    atomic_store(&is_asleep, true);
    // Whoever entered without seeing that is seen after this pause.
    rest();
    if (!look_at_all(0))
      while (atomic_load(&is_asleep)) pthread_cond_wait(&woken, &lock);
    atomic_store(&is_asleep, false);
    last = now();
    idle = 0;
  }
  return NULL;
}

static bool start(void) {
  if (is_running) return true;
  prepare();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Signals of the process are no concern of this thread.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_t thread;
  is_running = pthread_create(&thread, &attributes, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
  return is_running;
}

bool mb_vm_watch(mb_vm *vm, void (*stuck)(void *context, double seconds), void *context) {
  pthread_mutex_lock(&lock);
  bool started = start();
  if (started && !vm->watch.is_listed) {
    vm->watch.is_listed = true;
    vm->watch.identity = ++identities;
    vm->watch.next = machines;
    machines = vm;
    // Bound now: a lazy binding must not happen while its thread is suspended.
    lua_sethook(vm->L, NULL, 0, 0);
  }
  vm->stuck = stuck;
  vm->stuck_context = context;
  pthread_mutex_unlock(&lock);
  return started;
}

void mb_vm_set_piece(mb_vm *vm, uint64_t piece) {
  atomic_store_explicit(&vm->piece, piece, memory_order_relaxed);
}

bool mb_vm_is_unwanted(const mb_vm *vm) {
  uint64_t piece = atomic_load_explicit(&vm->piece, memory_order_relaxed);
  return piece && piece == atomic_load_explicit(&vm->unwanted, memory_order_relaxed);
}

uint64_t mb_vm_identity(const mb_vm *vm) { return vm->watch.identity; }

void mb_end_piece(uint64_t identity, uint64_t piece) {
  pthread_mutex_lock(&lock);
  for (mb_vm *vm = machines; vm; vm = vm->watch.next)
    if (vm->watch.identity == identity) atomic_store_explicit(&vm->unwanted, piece, memory_order_relaxed);
  pthread_mutex_unlock(&lock);
}

void mb_unwatch(mb_vm *vm) {
  if (!vm->watch.is_listed) return;
  pthread_mutex_lock(&lock);
  mb_vm **place = &machines;
  while (*place && *place != vm) place = &(*place)->watch.next;
  if (*place) *place = vm->watch.next;
  vm->watch.is_listed = false;
  pthread_mutex_unlock(&lock);
}

static void wake(void) {
  pthread_mutex_lock(&lock);
  atomic_store(&is_asleep, false);
  pthread_cond_signal(&woken);
  pthread_mutex_unlock(&lock);
}

// Threads of a pool block most signals.
static void unblock(void) {
  is_prepared = true;
#if defined(__APPLE__)
  clock_here = pthread_mach_thread_np(pthread_self());
#else
  if (pthread_getcpuclockid(pthread_self(), &clock_here) != 0) clock_here = CLOCK_MONOTONIC;
#endif
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGNAL);
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

void mb_watch_enter(mb_vm *vm) {
  if (!is_prepared) unblock();
  vm->thread = pthread_self();
  atomic_store_explicit(&vm->clock, clock_here, memory_order_relaxed);
  atomic_store_explicit(&vm->entered_scope, atomic_load_explicit(&vm->scope, memory_order_relaxed),
                        memory_order_release);
  vm->below = here;
  here = vm;
  atomic_store_explicit(&vm->gate, INSIDE, memory_order_release);
  if (atomic_load_explicit(&is_asleep, memory_order_relaxed)) wake();
}

void mb_watch_leave(mb_vm *vm) {
  unsigned inside = INSIDE;
  while (!atomic_compare_exchange_weak(&vm->gate, &inside, OUTSIDE)) {
    inside = INSIDE;
    sched_yield();
  }
  here = vm->below;
}
