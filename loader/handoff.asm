; The last instructions of the loader, called by enter_kernel (System V ABI) and alone on
; their page: mapped here by firmware's tables and, read and execute, by the kernel's first.
;
;   rdi  page-table root        rdx  top of the handoff stack
;   rsi  kernel entry           rcx  boot_info          r8  CR0 for the kernel

bits 64
default rel

section .text.handoff align=4096 exec

global handoff:function (handoff_end - handoff)
global handoff_page:data 4096
global handoff_switched

handoff_page:
handoff:
        cli
        cld
        mov     cr3, rdi
handoff_switched:                       ; where scripts/gdb looks for the kernel in its tables
        mov     rsp, rdx
        mov     cr0, r8                 ; WP: not before the stack is ours, firmware's may be read-only
        mov     rdi, rcx
        xor     ebp, ebp
        push    rbp                     ; a return address of 0 ends every backtrace
        jmp     rsi
handoff_end:
        align   4096, db 0xcc

section .note.GNU-stack noalloc noexec nowrite progbits
