/* A flat x86 image: nothing is guessed, the user says what moves. */
#ifndef BESTLA_TOOLS_HEXELF_X86_H
#define BESTLA_TOOLS_HEXELF_X86_H

#include "options.h"

/* Turns the orders into relocations. Says what is wrong with which. */
__attribute__((warn_unused_result)) enum tool_status x86_convert(const struct options *options,
                                                                 struct object *object);

#endif
