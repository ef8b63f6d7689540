/* The one serial port: log.c finds it and writes to it, input.c reads from it. */
#ifndef BESTLA_KERNEL_COM1_H
#define BESTLA_KERNEL_COM1_H

#include "uart.h"

extern struct uart com1;

#endif
