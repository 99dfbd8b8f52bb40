#include "reference.h"

#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>
#include <stdatomic.h>

// An executable's own malloc stands in for the C library's in everything that it loads. These count, and let the
// C library do the work under its inner names; `free` stays its own.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static atomic_bool is_counting;
static _Atomic uint64_t counted;

static inline void count(void) {
  if (atomic_load_explicit(&is_counting, memory_order_relaxed))
    atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
  count();
  return __libc_realloc(block, size);
}

void allocations_begin(void) {
  atomic_store(&counted, 0);
  atomic_store(&is_counting, true);
}

uint64_t allocations_end(void) {
  atomic_store(&is_counting, false);
  return atomic_load(&counted);
}

size_t allocated_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

#else

void allocations_begin(void) {}
uint64_t allocations_end(void) { return 0; }
size_t allocated_bytes(void) { return 0; }

#endif
