# Bestla. `make help` lists what there is.

ifeq ($(origin CC),default)
CC := gcc
endif
LD      := ld
NASM    := nasm
OBJCOPY := objcopy
PYTHON  := /usr/bin/python3
# A file of tests to each core, since the tests of one file may share a machine.
PYTEST  := $(PYTHON) -B -m pytest -p no:cacheprovider -q -n $(shell nproc) --dist loadfile
export PYTHONDONTWRITEBYTECODE := 1

# `make DEBUG=1 ...`: everything once more in build/debug, the kernel with checks for undefined
# behaviour.
B := build$(if $(DEBUG),/debug)

# One line a file; `make V=1` shows the commands.
ifeq ($V,)
Q := @
say = @printf '  %-4s %s\n' $1 $2
endif

# ---- what is built from what ---------------------------------------------------------------

# common/ is one list, built three ways. mem.c gives the two freestanding worlds what libc
# gives the host.
COMMON        := $(filter-out common/mem.c,$(wildcard common/*.c))
LOADER_SOURCE := $(wildcard loader/*.c) $(COMMON) common/mem.c
LOADER_ASM    := $(wildcard loader/*.asm)
KERNEL_SOURCE := $(wildcard kernel/*.c kernel/*/*.c) $(COMMON) common/mem.c
KERNEL_ASM    := $(wildcard kernel/*.asm kernel/*/*.asm)

LOADER_OBJECTS := $(LOADER_SOURCE:%.c=$B/loader/%.o) $(LOADER_ASM:%.asm=$B/loader/%.o)
KERNEL_OBJECTS := $(KERNEL_SOURCE:%.c=$B/kernel/%.o) $(KERNEL_ASM:%.asm=$B/kernel/%.o)

# A kernel of tests/kernel/ is the kernel with another kernel/run.c.
TEST_KERNELS := $(patsubst tests/kernel/%.c,$B/tests/kernel/%.elf,$(wildcard tests/kernel/*.c))
# A program of tests/efi/ is started by firmware in the loader's place.
TEST_PROGRAMS := $(patsubst tests/efi/%.c,$B/tests/efi/%.efi,$(wildcard tests/efi/[!_]*.c))
BENCH_KERNELS := $(patsubst %,$B/bench/kernel-%.elf,1-0 16-0 128-0 16-256)
# A tool is the files of its own folder, of tools/ itself, and what it needs of common/. The tests
# run it built with sanitizers.
KSYMS_SOURCE  := $(wildcard tools/*.c tools/ksyms/*.c) common/symbol_table.c
KSYMS         := $B/tools/ksyms
PTABLES_SOURCE := $(wildcard tools/*.c tools/ptables/*.c) \
                  $(addprefix common/,elf_image.c format.c image_tables.c image_tables_verify.c \
                      page_read.c page_table.c page_walk.c text.c)
PTABLES       := $B/tools/ptables
# For people, not for the build: legacy programs into objects that link.
HEXELF_SOURCE := $(wildcard tools/*.c tools/hexelf/*.c)
HEXELF        := $B/tools/hexelf
# The kernel's walker and what the monitor says of tables, over memory in a file.
KERNEL_MAP_SOURCE := tests/tools/kernel_map.c $(COMMON) kernel/mm/page_map.c \
                     kernel/monitor/tables.c kernel/monitor/parse.c kernel/diagnosis/page_fault.c
CHECKED_TOOLS := $B/host/ksyms $B/host/ptables $B/host/hexelf $B/host/hexelf_steps \
                 $B/host/kernel_map
UNIT_TESTS    := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/test_*.c))

# ---- flags ---------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wcast-align -Wundef -Werror
# Two builds in two folders are the same to the bit.
SAME     := -ffile-prefix-map=$(CURDIR)=.
# DWARF 4, for Debian 12's binutils (2.40) misread 5: in each sequence of rows that does not begin
# by naming its file, addr2line and objdump -l give the wrong one.
BASE     := -std=gnu17 -gdwarf-4 $(SAME) $(WARNINGS) -Icommon
# No SSE: firmware may not have turned it on, and the kernel does not save it.
FREE     := $(BASE) -O2 -ffreestanding -mno-red-zone -mgeneral-regs-only -fvisibility=hidden \
            -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
            -ffunction-sections -fdata-sections -fno-strict-aliasing -fwrapv \
            -fno-delete-null-pointer-checks

# kernel/diagnosis/ubsan.c says what was undefined. With -fwrapv an overflow would not be.
UNDEFINED     := -fsanitize=undefined -fno-wrapv

EFI_INCLUDE   := -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
# Without GNU_EFI_USE_MS_ABI gnu-efi's EFIAPI is empty and calls use the wrong registers.
EFI_FLAGS     := -fshort-wchar -DGNU_EFI_USE_MS_ABI $(EFI_INCLUDE)
LOADER_CFLAGS := $(FREE) -fpic -fno-stack-protector $(EFI_FLAGS) -Iloader
KERNEL_CFLAGS := $(FREE) -fpie -Ikernel -Ikernel/cpu -Ikernel/mm -Ikernel/console \
                 -Ikernel/diagnosis -Ikernel/acpi -Ikernel/monitor -I$B -fno-optimize-sibling-calls \
                 -fstack-protector-strong -mstack-protector-guard=global $(if $(DEBUG),$(UNDEFINED))
HOST_CFLAGS   := $(BASE) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
TOOLS_CFLAGS  := $(BASE) -O2 -D_GNU_SOURCE -Itools
UNIT_CFLAGS   := $(HOST_CFLAGS) -Ikernel -Ikernel/mm -Ikernel/cpu -Ikernel/diagnosis -Iloader \
                 -Ikernel/console -Ikernel/acpi -Ikernel/monitor -I$B $(EFI_FLAGS)
LINK          := $(LD) -pie --no-dynamic-linker -z text -z norelro -z noexecstack \
                 -z max-page-size=4096 --build-id=none --gc-sections --fatal-warnings

# kernel.ld knows no address of its own.
layout        = $(shell sed -n 's/^\#define $1 *UINT64_C(\(.*\))/\1/p' common/layout.h)
LINK_KERNEL   = $(LINK) -T kernel/kernel.ld --defsym=KERNEL_REGION=$(call layout,KERNEL_REGION) \
                --defsym=KERNEL_LINK_ADDRESS=$(call layout,KERNEL_LINK_ADDRESS)
# No table is smaller than its header, which C measures.
HEADER_SIZE   := $(shell sed -n 's/.*sizeof(struct symbol_table_header) == \([0-9]*\).*/\1/p' common/symbol_table.h)
LEAST_TABLES  := 12288 # a PDPT, a PD, a PT
# A kernel of these objects, with its symbols and page tables in it: linked once to see how many
# bytes they need, and again with as many. They come last, so nothing that a symbol names has moved.
# An image that grew past a border may need one table more: it is linked until it needs no more
# than it has. It never needs less, so that ends.
define link_kernel
$(call say,LD,$@)
$Qset -e; link() { $(LINK_KERNEL) --defsym=SYMBOLS_SIZE=$$1 --defsym=PAGE_TABLES_SIZE=$$2 $1 -o $@; }; \
    link $(HEADER_SIZE) $(LEAST_TABLES); \
    symbols=$$($(KSYMS) --size $@); tables=; need=$$($(PTABLES) --size $@); \
    while [ "$$need" != "$$tables" ]; do \
        tables=$$need; link $$symbols $$tables; need=$$($(PTABLES) --size $@); \
    done
$(call say,PTBL,$@)
$Q$(PTABLES) $@ $(if $V,,>/dev/null)
$(call say,SYMS,$@)
$Q$(KSYMS) $@ $(if $V,,>/dev/null)
$Qscripts/check-kernel $@
endef

EFI_START   := /usr/lib/crt0-efi-x86_64.o
EFI_LIBRARY := /usr/lib/libgnuefi.a

# Compiler, flags and lists of files: another compiler, or a source that went, rebuilds.
SETTINGS := $(CC) $(FONT) $(shell $(CC) -dumpversion 2>/dev/null) $(LOADER_CFLAGS) $(KERNEL_CFLAGS) \
            $(UNIT_CFLAGS) $(TOOLS_CFLAGS) $(UNDEFINED) $(LINK_KERNEL) $(LOADER_OBJECTS) $(KERNEL_OBJECTS) \
            $(KSYMS_SOURCE) $(PTABLES_SOURCE) $(HEXELF_SOURCE)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run debug map test test-all check unit boot-tests tools-tests test-files image lint format bench \
        fuzz help clean setup setup-debug setup-check setup-test FORCE

all: $B/esp.stamp $B/kernel.elf.debug $(HEXELF) ## build the loader, the kernel, the ESP's files, the tools

# ---- the loader ----------------------------------------------------------------------------

$B/settings: FORCE
	@mkdir -p $(@D)
	@echo '$(SETTINGS)' | cmp -s - $@ || echo '$(SETTINGS)' > $@

# What the compiler would turn into a call to itself.
$B/loader/common/mem.o $B/kernel/common/mem.o: EXTRA := -fno-builtin \
    $(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)

$B/loader/%.o: %.c $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(LOADER_CFLAGS) $(EXTRA) -MMD -MP -c $< -o $@

$B/loader/%.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$@)
	$Q$(NASM) -f elf64 -g -F dwarf -w+all -Werror -MD $(@:.o=.d) -MP $< -o $@

$B/loader/loader.elf: $(LOADER_OBJECTS) loader/loader.ld $B/settings
	$(call say,LD,$@)
	$Q$(LINK) -T loader/loader.ld $(EFI_START) $(LOADER_OBJECTS) $(EFI_LIBRARY) -o $@

%.efi: %.elf scripts/pe-finish
	$(call say,PE,$@)
	$Q$(OBJCOPY) --target efi-app-x86_64 -j .text -j .rodata -j .rela -j .data -j .dynamic \
	    -j .reloc $< $@
	$Qscripts/pe-finish $@

# ---- tools of the host ---------------------------------------------------------------------

$B/tools/%.o: %.c $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(TOOLS_CFLAGS) -MMD -MP -c $< -o $@

$(KSYMS): $(KSYMS_SOURCE:%.c=$B/tools/%.o)
	$(call say,LD,$@)
	$Q$(CC) $^ -ldw -lelf -o $@

# ksyms' own encoder and the kernel's own reader, with another main.
$B/bench/symbol_cost: $(patsubst %.c,$B/tools/%.o,$(wildcard tests/bench/symbol_*.c) \
                        $(filter-out %/main.c,$(KSYMS_SOURCE)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(CC) $^ -ldw -lelf -o $@

$(PTABLES): $(PTABLES_SOURCE:%.c=$B/tools/%.o)
	$(call say,LD,$@)
	$Q$(CC) $^ -lelf -o $@

$(HEXELF): $(HEXELF_SOURCE:%.c=$B/tools/%.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(CC) $^ -lelf -o $@

# ---- the screen's font ---------------------------------------------------------------------

FONT := /usr/share/consolefonts/Vietnamese-TerminusBold16.psf.gz

$B/font_bytes.inc: $(FONT) scripts/make-font $B/settings
	$(call say,FONT,$@)
	$Qscripts/make-font $< $@

$B/kernel/kernel/console/font_file.o $B/host/kernel/console/font_file.o: $B/font_bytes.inc

# ---- the kernel ----------------------------------------------------------------------------

$B/kernel/%.o: %.c $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(KERNEL_CFLAGS) $(EXTRA) -MMD -MP -c $< -o $@

$B/kernel/%.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$@)
	$Q$(NASM) -f elf64 -g -F dwarf -w+all -Werror -Ikernel/cpu/ -MD $(@:.o=.d) -MP $< -o $@

$B/kernel.elf.debug: $(KERNEL_OBJECTS) kernel/kernel.ld common/layout.h $(KSYMS) $(PTABLES) $B/settings
	$(call link_kernel,$(KERNEL_OBJECTS))

%.elf: %.elf.debug
	$(call say,STRP,$@)
	$Q$(OBJCOPY) --strip-all $< $@

$B/tests/kernel/%.elf.debug: $B/kernel/tests/kernel/%.o $(KERNEL_OBJECTS) kernel/kernel.ld common/layout.h $(KSYMS) $(PTABLES) $B/settings
	@mkdir -p $(@D)
	$(call link_kernel,$< $(FLAT) $(filter-out $B/kernel/kernel/run.o,$(KERNEL_OBJECTS)))

# What hexelf makes of two flat programs, for tests/kernel/flat_code.c: one is linked into it, the
# other for an address that 16 bits reach.
$B/flat/%.o: tests/kernel/flat/%.asm tests/kernel/flat/%.relocs $(HEXELF)
	@mkdir -p $(@D)
	$(call say,FLAT,$@)
	$Qcd $(@D) && $(NASM) -f bin $(abspath $<) -o $*.bin > $*.map
	$Q$(HEXELF) --machine x86-64 --raw --base $(FLAT_BASE) --map $(@:.o=.map) $(FLAT_OPTIONS) \
	    --relocs $(word 2,$^) $(@:.o=.bin) -o $@ $(if $V,,>/dev/null)
$B/flat/long_mode.o: FLAT_BASE := 0x400000
$B/flat/long_mode.o: FLAT_OPTIONS := --extern flat64_double --data-end 0x40003c
$B/flat/real_mode.o: FLAT_BASE := 0x100
$B/flat/real_mode.elf: $B/flat/real_mode.o
	$Q$(LD) --fatal-warnings -Ttext=0x6000 -e flat16_sum $< -o $@
$B/flat/real_mode.linked: $B/flat/real_mode.elf
	$Q$(OBJCOPY) -O binary -j .text $< $@
$B/flat/gate.o: tests/kernel/flat_gate.asm $B/flat/real_mode.linked
	$Q$(NASM) -f elf64 -g -F dwarf -w+all -Werror -DFLAT_LOW='"$B/flat/real_mode.linked"' $< -o $@
$B/tests/kernel/flat_code.elf.debug: FLAT := $B/flat/long_mode.o $B/flat/gate.o
$B/tests/kernel/flat_code.elf.debug: $B/flat/long_mode.o $B/flat/gate.o

# Kernels of any size, for tests/bench/: kernel-16-256 has 16 MiB of read-only data and 256 MiB of
# BSS more than the kernel.
$B/bench/kernel-%.elf.debug: $(KERNEL_OBJECTS) kernel/kernel.ld common/layout.h $(KSYMS) $(PTABLES) $B/settings
	@mkdir -p $(@D)
	$Qprintf '.section %s\n.fill %d,8,0x5a\n.section %s\n.skip %d\n.section .note.GNU-stack\n' \
	    '.rodata.fill,"aR"' \
	    $$(($(word 1,$(subst -, ,$*)) << 17)) '.bss.fill,"awR",@nobits' \
	    $$(($(word 2,$(subst -, ,$*)) << 20 | 8)) | \
	    $(CC) -x assembler -c - -o $(@:.elf.debug=.fill.o)
	$(call link_kernel,$(KERNEL_OBJECTS) $(@:.elf.debug=.fill.o))

# ---- what firmware starts in the loader's place, for tests ---------------------------------

$B/tests/efi/%.elf: $B/loader/tests/efi/%.o $B/loader/tests/efi/_chain.o \
                    $(patsubst %.asm,$B/loader/%.o,$(wildcard tests/efi/*.asm)) \
                    $(filter $B/loader/common/%,$(LOADER_OBJECTS)) loader/loader.ld
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(LINK) -T loader/loader.ld $(EFI_START) $(filter %.o,$^) $(EFI_LIBRARY) -o $@

# ---- the Linux that the loader starts in a test --------------------------------------------

LINUX_INIT  := $B/tests/linux/init
LINUX_IMAGE := build/linux/vmlinuz build/linux/efivarfs.ko

$(LINUX_INIT): tests/linux/init.c $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(BASE) -O2 -ffreestanding -mgeneral-regs-only -fno-stack-protector -fno-pie \
	    -static -nostdlib $< -o $@

# Where it cannot be had the script says why, and the test that wants it fails; all others run.
$(LINUX_IMAGE) &:
	$(call say,GET,$@)
	-$Qscripts/fetch-linux $(LINUX_IMAGE)

# The loader's own files, with another main.
$B/bench/read_cost.elf: $B/loader/tests/bench/read_cost.o $(LOADER_OBJECTS) loader/loader.ld
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(LINK) -T loader/loader.ld $(EFI_START) $(filter-out %/main.o,$(filter %.o,$^)) \
	    $(EFI_LIBRARY) -o $@

# ---- the ESP and the disk image ------------------------------------------------------------

ESP_FILES := $(shell find esp -type f 2>/dev/null)

$B/esp.stamp: $B/loader/loader.efi $B/kernel.elf $(ESP_FILES)
	$(call say,ESP,$@)
	$Qrm -rf $B/esp
	$Qmkdir -p $B/esp/EFI/BOOT
	$Qcp -R esp/. $B/esp
	$Qcp $B/loader/loader.efi $B/esp/EFI/BOOT/BOOTX64.EFI
	$Qcp $B/loader/loader.efi $B/BOOTX64.EFI
	$Qcp $B/kernel.elf $B/esp/kernel.elf
	$Qtouch $@

$B/bestla.img: $B/esp.stamp scripts/make-image
	$(call say,IMG,$@)
	$Qscripts/make-image $B/esp $@

$B/bestla.iso: $B/esp.stamp scripts/make-image
	$(call say,ISO,$@)
	$Qscripts/make-image --iso $B/esp $@

image: $B/bestla.img $B/bestla.iso ## build/bestla.img, for a USB stick, and .iso, for a disc or a stick

# ---- the commands --------------------------------------------------------------------------

setup:
	@scripts/setup run

setup-debug setup-check setup-test: setup-%:
	@scripts/setup $*

# The build needs what setup installs, so it runs in a make of its own afterwards.
run: setup ## build everything and boot it in QEMU, the serial console on the terminal
	@$(MAKE) --no-print-directory image
	@scripts/qemu --image $B/bestla.img

debug: setup-debug ## QEMU stopped at reset, gdb attached
	@$(MAKE) --no-print-directory image
	@scripts/debug --build $B

# SOURCE: options of scripts/pagemap, and maps that it has saved; without it the image is booted.
map: setup ## build/map.html: who may read, write and execute what, as a picture
	@$(MAKE) --no-print-directory image
	@scripts/map --build $B $(SOURCE)

test: setup-test ## every test: unit tests on the host, boot tests in QEMU
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory boot-tests

test-all: setup-test ## the tests, and the long matrix of machines
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory boot-tests PYTEST_SELECT=

check: setup-check ## unit tests and one boot, a few minutes
	@$(MAKE) --no-print-directory unit image
	@scripts/qemu --image $B/bestla.img --wait-for 'bestla: ready'

unit: $(UNIT_TESTS)
	@printf '%s\n' $^ | xargs -P "$$(nproc)" -n 1 sh -c 'out=$$($$0 2>&1) || { \
	    printf "%s\n%s\n" "$$0" "$$out"; exit 255; }; echo "$$0: $${out##*  ]}"'

PYTEST_SELECT := -m 'not matrix'
boot-tests: test-files tools-tests
	$(PYTEST) $(PYTEST_SELECT) tests/gdb tests/picture tests/boot

tools-tests: test-files
	$(PYTEST) tests/tools

TEST_FILES := $B/bestla.img $B/bestla.iso $(TEST_KERNELS) $(TEST_PROGRAMS) $(LINUX_INIT) $(LINUX_IMAGE) \
              $(CHECKED_TOOLS) $B/fuzz/hexelf
test-files: $(TEST_FILES) ## what the tests in Python want, to run single ones

$B/host/tools/%.o: FAKE := -D_GNU_SOURCE -Itools
$B/host/ksyms: $(KSYMS_SOURCE:%.c=$B/host/%.o)
	$(call say,LD,$@)
	$Q$(CC) $(HOST_CFLAGS) $^ -ldw -lelf -o $@
$B/host/ptables: $(PTABLES_SOURCE:%.c=$B/host/%.o)
	$(call say,LD,$@)
	$Q$(CC) $(HOST_CFLAGS) $^ -lelf -o $@
$B/host/hexelf: $(HEXELF_SOURCE:%.c=$B/host/%.o)
	$(call say,LD,$@)
	$Q$(CC) $(HOST_CFLAGS) $^ -lelf -o $@

# The same, counting what it does: tests/tools/test_hexelf_steps.py.
$B/host/hexelf_steps: $(HEXELF_SOURCE) tests/tools/count_steps.c $(wildcard tools/*.h tools/hexelf/*.h)
	@mkdir -p $(@D)/steps
	$(call say,LD,$@)
	$Q$(CC) $(TOOLS_CFLAGS) -c tests/tools/count_steps.c -o $(@D)/steps/count_steps.o
	$Q$(CC) $(TOOLS_CFLAGS) -O1 -fsanitize-coverage=trace-pc $(HEXELF_SOURCE) $(@D)/steps/count_steps.o \
	    -lelf -o $@

# libFuzzer is clang's. What it is given is in tests/tools/test_hexelf_fuzz.py.
FUZZ_CFLAGS := $(BASE) -O1 -D_GNU_SOURCE -Itools -Itools/hexelf -fsanitize=fuzzer,address,undefined \
               -fno-sanitize-recover=all
$B/fuzz/hexelf: tests/fuzz/hexelf.c $(filter-out %/main.c,$(HEXELF_SOURCE)) $(wildcard tools/*.h tools/hexelf/*.h)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Qclang $(FUZZ_CFLAGS) $(filter %.c,$^) -lelf -o $@

fuzz: setup-test $B/fuzz/hexelf ## tools/hexelf on random bytes, a million of them
	HEXELF_FUZZ_RUNS=1000000 HEXELF_MUTANTS=5000 $(PYTEST) tests/tools/test_hexelf_fuzz.py \
	    tests/tools/test_hexelf_input.py

$B/host/kernel_map: $(KERNEL_MAP_SOURCE:%.c=$B/host/%.o)
	$(call say,LD,$@)
	$Q$(CC) $(HOST_CFLAGS) $^ -o $@

# On the host the loader, and what of the kernel asks the CPU, meets a fake one:
# tests/unit/fake/x86_cpu.h stands before the real one.
$B/host/loader/%.o: FAKE := -Itests/unit/fake
$B/host/kernel/mm/loaded_tables.o: FAKE := -Itests/unit/fake
$B/host/kernel/cpu/clock.o $B/host/tests/unit/test_clock.o: FAKE := -Itests/unit/fake
$B/host/kernel/cpu/memory_types.o: FAKE := -Itests/unit/fake
$B/host/kernel/mm/page_map.o $B/host/kernel/monitor/tables.o: FAKE := -Itests/unit/fake
$B/host/tests/unit/test_monitor_tables.o: FAKE := -Itests/unit/fake
$B/host/tests/tools/kernel_map.o: FAKE := -Itests/unit/fake
$B/host/tests/unit/fake_cpu.o: FAKE := -Itests/unit/fake

$B/host/%.o: %.c $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(FAKE) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

# Each test is one file beside the code it tests; what it needs of kernel/ and loader/ it
# names in a line `/* links: FILE.c FOLDER/ ... */`; a folder is all the .c files in it.
.SECONDEXPANSION:
named = $(shell sed -n 's|^/\* links: \(.*\) \*/$$|\1|p' tests/unit/$1.c)
links = $(patsubst %.c,$B/host/%.o,$(foreach n,$(named),$(if $(n:%/=),$n,$(wildcard $n*.c))))
# The loader's handoff page lies in RAM of the fake world: below the end of the direct map's window.
$B/unit/test_loader_%: LOW := -no-pie -Wl,-Ttext-segment=0x40000000
$B/unit/test_qr_code: LIBRARIES := -lqrencode
$B/unit/%: $B/host/tests/unit/%.o $(COMMON:%.c=$B/host/%.o) $$(call links,$$*)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(CC) $(HOST_CFLAGS) $(LOW) $^ $(LIBRARIES) -lcmocka -o $@

# What the checks call here is the kernel's own and not the host's libubsan.
$B/host/tests/unit/undefined_acts.o: tests/unit/undefined_acts.c $B/host/kernel/diagnosis/ubsan.o \
                                     $B/settings
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(BASE) $(UNDEFINED) -O1 -Wno-vla -Itests/unit -MMD -MP -c $< -o $(@:.o=.part.o) -MT $@ -MF $(@:.o=.d)
	$Q$(LD) -r $(@:.o=.part.o) $B/host/kernel/diagnosis/ubsan.o -o $@
	$Q$(OBJCOPY) --wildcard --localize-symbol='__ubsan_handle_*' $@

# The kernel's checks in one file of a kernel that is otherwise as always.
$(patsubst %,$B/kernel/tests/kernel/undefined_%.o,overflow index shift): EXTRA := $(UNDEFINED)

lint: setup-test ## formatting, static analysis, scripts
	@$(MAKE) --no-print-directory compile_commands.json
	scripts/lint

format: setup-test ## format the C sources
	git ls-files '*.c' '*.h' | xargs clang-format -i

bench: setup-test ## what symbols cost (LINUX=vmlinux: beside Linux's), and loading
	@$(MAKE) --no-print-directory all $(BENCH_KERNELS) $B/bench/read_cost.efi $B/bench/symbol_cost
	@tests/bench/symbol-cost '$(LINUX)'
	@tests/bench/boot-cost

# For clangd and clang-tidy.
compile_commands.json: Makefile $B/font_bytes.inc $(KERNEL_SOURCE) $(LOADER_SOURCE) $(KSYMS_SOURCE) $(PTABLES_SOURCE) $(HEXELF_SOURCE)
	@{ sep='['; \
	   for f in $(LOADER_SOURCE); do \
	     printf '%s\n{"directory":"%s","file":"%s","command":"$(CC) $(LOADER_CFLAGS) -c %s"}' "$$sep" '$(CURDIR)' $$f $$f; sep=','; done; \
	   for f in $(filter kernel/%,$(KERNEL_SOURCE)); do \
	     printf ',\n{"directory":"%s","file":"%s","command":"$(CC) $(KERNEL_CFLAGS) -c %s"}' '$(CURDIR)' $$f $$f; done; \
   for f in $(sort $(filter tools/%,$(KSYMS_SOURCE) $(PTABLES_SOURCE) $(HEXELF_SOURCE))); do \
     printf ',\n{"directory":"%s","file":"%s","command":"$(CC) $(TOOLS_CFLAGS) -c %s"}' '$(CURDIR)' $$f $$f; done; \
	   printf '\n]\n'; } > $@

clean: ## remove everything that was built
	rm -rf $B compile_commands.json

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

-include $(shell find $B -name '*.d' 2>/dev/null)
