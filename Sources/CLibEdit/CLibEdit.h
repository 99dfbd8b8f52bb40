// The system's libedit, found by pkg-config, or where the system has it.
#include <histedit.h>
