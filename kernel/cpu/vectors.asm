; One stub a vector: pushes an error code where the CPU does not, then the vector, then
; the registers as struct registers of cpu.h has them, and calls exception().

bits 64
default rel

extern exception

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
        and     rsp, -16
        call    exception
        ud2
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
