; A flat 16-bit program, as it survived. Every address in it is an offset from its segment's start,
; for a program at 0x100.
[map symbols]
bits 16
org 0x100

; AX: how many numbers to add. Returns twice their sum in AX, far.
flat16_sum:
    mov cx, ax
    mov si, flat16_numbers
    xor ax, ax
.next:
    add ax, [cs:si]
    add si, 2
    loop .next
    call [cs:flat16_step]
    retf

flat16_double:
    add ax, ax
    ret

flat16_numbers:
    dw 1, 20, 300
flat16_step:
    dw flat16_double
