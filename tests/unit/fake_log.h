/* The kernel's log on the host: what it is given, as one text, without times. */
#ifndef BESTLA_FAKE_LOG_H
#define BESTLA_FAKE_LOG_H

extern char fake_log[1 << 16]; /* NUL-terminated */

void fake_log_clear(void);

#endif
