; Into 16-bit code, which needs a stack below 64 KiB and segments of its own, and back.
bits 64
section .text

CODE_16 equ 0x28                        ; of flat_code.c's GDT
DATA_16 equ 0x30
CODE_64 equ 0x08
DATA_64 equ 0x10

; uint16_t flat_call16(uint64_t entry, uint64_t argument, const void *gdt, uint64_t stack,
;                      uint64_t back)
; `back` is where a 16-bit far return can go: it must jump to flat_return16.
global flat_call16:function (flat_call16.end - flat_call16)
flat_call16:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    pushfq
    cli
    mov [rel saved_stack], rsp
    sgdt [rel saved_gdt]
    lgdt [rdx]
    mov eax, DATA_16
    mov ds, eax
    mov es, eax
    mov ss, eax
    lea rsp, [rcx - 4]
    mov word [rsp], r8w
    mov word [rsp + 2], CODE_64
    mov eax, esi
    push CODE_16
    push rdi
    o64 retf
.end:

global flat_return16:function (flat_return16.end - flat_return16)
flat_return16:
    lgdt [rel saved_gdt]
    mov ecx, DATA_64
    mov ds, ecx
    mov es, ecx
    mov ss, ecx
    mov rsp, [rel saved_stack]
    movzx eax, ax
    popfq
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
.end:

section .bss
saved_stack: resq 1
saved_gdt: resb 10

; The 16-bit program as the linker left it, for 0x6000.
section .rodata
global flat_low_start:data 0
global flat_low_end:data 0
flat_low_start: incbin FLAT_LOW
flat_low_end:

section .note.GNU-stack noalloc noexec nowrite progbits
