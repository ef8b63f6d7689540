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

; DWARF 5, 6.4, for a debugger: nobody called, the return address (16, RIP) is undefined.
section .debug_frame noalloc noexec nowrite progbits align=8
cie:
        dd      .end - .id
.id:    dd      0xffffffff
        db      1, 0, 1, 0x78, 16       ; version; no augmentation; code by 1, data by -8; RIP
        db      0x0c, 7, 0              ; DW_CFA_def_cfa: RSP
        db      0x07, 16                ; DW_CFA_undefined: RIP
        align   8, db 0
.end:
fde:
        dd      .end - .id
.id:    dd      cie
        dq      kernel_entry, kernel_entry.end - kernel_entry
        align   8, db 0
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
