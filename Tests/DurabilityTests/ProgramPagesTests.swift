import Testing

@testable import Durability

@Suite struct ProgramPagesTests {
    @Test("Only code of files is dropped")
    func lines() {
        let code = "7f10a2e00000-7f10a2e26000 r-xp 00001000 fe:00 1835  /usr/lib/with a space/libc.so.6"
        #expect(ProgramPages.codeRange(code) == 0x7f10_a2e0_0000..<0x7f10_a2e2_6000)
        for line in [
            "7f10a2e00000-7f10a2e26000 rw-p 00001000 fe:00 1835  /usr/lib/libc.so.6",
            "7f10a2e00000-7f10a2e26000 r--p 00001000 fe:00 1835  /usr/lib/libc.so.6",
            "7f10a2e00000-7f10a2e26000 rwxp 00001000 fe:00 1835  /usr/lib/libc.so.6",
            "7ffd0a5e0000-7ffd0a5e2000 r-xp 00000000 00:00 0  [vdso]",
            "7f10a2e00000-7f10a2e26000 r-xp 00000000 00:00 0 ",
            "7f10a2e26000-7f10a2e00000 r-xp 00001000 fe:00 1835  /usr/lib/libc.so.6", "nonsense", "",
        ] {
            #expect(ProgramPages.codeRange(line) == nil, "\(line)")
        }
    }

    #if os(Linux)
    @Test("A process goes on after its code was dropped")
    func goesOn() {
        for _ in 0..<3 { #expect(ProgramPages.release() > 1 << 20) }
    }
    #endif
}
