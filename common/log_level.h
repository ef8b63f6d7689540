/* How much a log line matters; the same numbers in the loader's log and the kernel's. */
#ifndef BESTLA_LOG_LEVEL_H
#define BESTLA_LOG_LEVEL_H

enum log_level {
    LOG_ERROR = 1,
    LOG_WARNING = 2,
    LOG_INFO = 3,
    LOG_DEBUG = 4,
};

#endif
