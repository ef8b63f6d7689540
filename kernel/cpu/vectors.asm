; One stub a vector: pushes an error code where the CPU does not, then the vector, then
; the registers as struct registers of cpu.h has them, and calls exception(). When that
; returns, the registers, as they are then, are taken back.

bits 64
default rel

extern exception

%include "debug_frame.inc"

section .text

; SDM Vol. 3A, table 6-1: vectors for which the CPU pushes an error code.
%define HAS_ERROR_CODE(v) ((v) = 8 || ((v) >= 10 && (v) <= 14) || (v) = 17 || (v) = 21 || (v) = 29 || (v) = 30)

global vector_stubs:function (vector_stubs.end - vector_stubs)
        align   16
vector_stubs:
        frame_begin vector_stubs, vector_stubs.end
%assign vector 0
%assign code 0                          ; since the last frame_at
%rep 256
        align   16
  %if !HAS_ERROR_CODE(vector)
        frame_at code, PUSHED_BY_CPU
        push    0
    %assign code 2
  %endif
        frame_at code, PUSHED_BY_CPU + 8
        push    vector
  %if vector < 128
    %assign length 2
  %else
    %assign length 5
  %endif
        frame_at length, PUSHED_BY_CPU + 16
        jmp     enter_exception
  %if HAS_ERROR_CODE(vector)
    %assign code 16 - length
  %else
    %assign code 14 - length
  %endif
  %assign vector vector + 1
%endrep
        frame_close
.end:

; Of struct registers: CR2, 15 registers, vector, error code. cpu.h asserts it.
%define REGISTERS_RIP (18 * 8)

global enter_exception:function (enter_exception.end - enter_exception)
enter_exception:
        frame_begin enter_exception, enter_exception.end
%assign pushed PUSHED_BY_CPU + 16
        frame_at 0, pushed
        save    rax, 0
        save    rbx, 3
        save    rcx, 2
        save    rdx, 1
        save    rsi, 4
        save    rdi, 5
        save    rbp, 6
        save    r8, 8
        save    r9, 9
        save    r10, 10
        save    r11, 11
        save    r12, 12
        save    r13, 13
        save    r14, 14
        save    r15, 15
        mov     rax, cr2                ; now: a handler may fault itself
        push    rax
        frame_at 3 + 1, pushed + 8
        cld
        mov     rdi, rsp
        ; A frame record, so that who follows the frame pointers comes from here to the
        ; function that was interrupted (backtrace.c).
        push    qword [rdi + REGISTERS_RIP]
        frame_at 1 + 3 + 6, pushed + 16
        push    rbp
        frame_at 1, pushed + 24
        mov     rbp, rsp
        frame_on_rbp 3, pushed + 24
        and     rsp, -16
        call    exception
global enter_exception.return
.return:
        lea     rsp, [rbp + 24]         ; back over CR2, the record and what aligned the stack
        frame_on_rsp 4 + 5 + 4, pushed
        load    r15, 15
        load    r14, 14
        load    r13, 13
        load    r12, 12
        load    r11, 11
        load    r10, 10
        load    r9, 9
        load    r8, 8
        load    rbp, 6
        load    rdi, 5
        load    rsi, 4
        load    rdx, 1
        load    rcx, 2
        load    rbx, 3
        load    rax, 0
        add     rsp, 16                 ; vector and error code
        frame_at 4, PUSHED_BY_CPU
        iretq
        frame_close
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
