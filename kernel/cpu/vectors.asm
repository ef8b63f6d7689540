; One stub a vector: pushes an error code where the CPU does not, then the vector, then
; the registers as struct registers of cpu.h has them, and calls exception(). When that
; returns, the registers, as they are then, are taken back.

bits 64
default rel

extern exception

%define REGISTERS_RIP 136               ; cpu.h asserts it

section .text

; SDM Vol. 3A, table 6-1: vectors for which the CPU pushes an error code.
%define HAS_ERROR_CODE(v) ((v) = 8 || ((v) >= 10 && (v) <= 14) || (v) = 17 || (v) = 21 || (v) = 29 || (v) = 30)

global vector_stubs:function (vector_stubs.end - vector_stubs)
        align   16
vector_stubs:
%assign vector 0
%rep 256
        align   16
  %if !HAS_ERROR_CODE(vector)
        push    0
  %endif
        push    vector
        jmp     enter_exception
  %assign vector vector + 1
%endrep
.end:

global enter_exception:function (enter_exception.end - enter_exception)
enter_exception:
        push    rax
        push    rbx
        push    rcx
        push    rdx
        push    rsi
        push    rdi
        push    rbp
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
        cld
        mov     rdi, rsp
        ; A frame record, so that who follows the frame pointers comes from here to the
        ; function that was interrupted (backtrace.c, scripts/gdb/).
        push    qword [rdi + REGISTERS_RIP]
        push    rbp
        mov     rbp, rsp
        and     rsp, -16
        call    exception
global enter_exception.return
.return:
        lea     rsp, [rbp + 16]         ; back over the record and what aligned the stack
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     rbp
        pop     rdi
        pop     rsi
        pop     rdx
        pop     rcx
        pop     rbx
        pop     rax
        add     rsp, 16                 ; vector and error code
        iretq
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
