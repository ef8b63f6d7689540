; A flat 64-bit program, as it survived: only its bytes and NASM's map are used. Relative jumps
; inside of it move along; what leads out of it is in long_mode.relocs.
[map symbols]
bits 64
org 0x400000

flat64_double equ 0x500000              ; somebody else's function

; RDI: numbers, RSI: how many. Twice their sum.
flat64_sum:
    xor eax, eax
.next:
    add rax, [rdi + rsi * 8 - 8]
    dec rsi
    jnz .next
    inc dword [rel flat64_calls]
    mov rdi, rax
    call flat64_weigh
    ret

flat64_weigh:
    add rdi, [rel flat64_offset]
    sub rsp, 8
    call flat64_double
    add rsp, 8
    ret

align 8
flat64_offset:
    dq 1000

section .bss
flat64_calls: resd 1
