public import Foundation

/// Lines on a terminal that are drawn over at every update. Off a terminal it prints nothing.
///
/// Not safe to share between tasks: one task draws.
public struct LiveDisplay {
    private let handle: FileHandle
    private var drawn = 0

    /// Whether the handle is a terminal.
    public let isTerminal: Bool

    /// Draws on `handle`.
    public init(on handle: FileHandle = .standardError) {
        self.handle = handle
        isTerminal = isatty(handle.fileDescriptor) == 1
    }

    /// Replaces what was drawn before by `lines`.
    public mutating func draw(_ lines: [String]) {
        guard isTerminal else { return }
        let width = Self.terminalWidth(handle.fileDescriptor)
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
        for line in lines { text += String(line.prefix(width)) + "\n" }
        handle.write(Data(text.utf8))
        drawn = lines.count
    }

    /// Takes what was drawn away, so that lasting output can be printed in its place.
    public mutating func clear() { draw([]) }

    /// A bar of `width` characters for a fraction between 0 and 1.
    public static func bar(_ fraction: Double, width: Int = 20) -> String {
        let filled = Int((min(max(fraction.isFinite ? fraction : 0, 0), 1) * Double(width)).rounded())
        return String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    }

    private static func terminalWidth(_ descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }
}
