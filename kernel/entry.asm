; The kernel's first instructions. docs/handoff.md says in which state the loader
; enters: rdi holds the physical address of boot_info.

bits 64
default rel

extern boot_stack_top
extern kernel_main

section .text

global kernel_entry:function (kernel_entry.end - kernel_entry)
kernel_entry:
        lea     rsp, [rel boot_stack_top]
        xor     ebp, ebp                ; ends the chain of frames
        call    kernel_main
global kernel_entry.return
.return:                                ; where a backtrace ends
        ud2                             ; kernel_main does not return
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
