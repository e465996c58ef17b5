# The same by habit; everything is done by meson and scripts/.
.PHONY: build demo check bench fuzz format install clean

build:
	@scripts/build

demo:
	@scripts/demo

check:
	@scripts/check

bench: build
	@bench/run

fuzz:
	@scripts/fuzz

format:
	@clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'tests/*.c' 'tests/*.h' 'bench/*.c')

install: build
	@meson install -C build

clean:
	@rm -rf build build-check build-fuzz build-tsan
