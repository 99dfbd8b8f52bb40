#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The reference: plain Lua over tables, called through C. No host, no transactions, nothing reactive; what
// the interpreter itself costs.
typedef struct reference reference;

// A state with Lua's libraries, and `now()` for the time in seconds. NULL if there is no memory.
reference *reference_open(void);
void reference_close(reference *self);
// Runs a file. Each function here gives false for a failure, and `reference_error` says which.
bool reference_load(reference *self, const char *path);
// Compiles a text as luac does, and throws the result away.
bool reference_compile(reference *self, const char *text, size_t length);
// Calls the function `loops[name]` once with a count; `result` is the number that it returns.
bool reference_loop(reference *self, const char *name, int64_t count, double *result);
// Calls the functions of the list `steps[name]` one after the other, `count` times, each by a protected call of
// its own, as a host would; `result` is the number that the last one returns.
bool reference_steps(reference *self, const char *name, int64_t count, double *result);
// The bytes that are in use after a full collection.
size_t reference_bytes(reference *self);
const char *reference_error(reference *self);

// Allocations of the whole process while they are counted: calls of malloc, calloc and realloc. Always 0 where
// the C library is none whose functions can be replaced.
void allocations_begin(void);
uint64_t allocations_end(void);
// The bytes that malloc has given out and not got back; 0 where that cannot be told.
size_t allocated_bytes(void);

// Nanoseconds for which this process has computed: other processes do not count.
double computed_nanoseconds(void);

// Runs a program to its end with up to three arguments (NULL for none), and keeps what it prints. Gives its exit
// code, or -1.
int process_run(const char *path, const char *first, const char *second, const char *third, char *output,
                size_t size);
