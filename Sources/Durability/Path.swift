/// The two questions about paths that this module needs.
enum Path {
    /// The folder that holds a path: `/` for `/a`, `.` for `a`, `a/b` for `a/b/c` and `a/b/c/`.
    static func parent(of path: String) -> String {
        var trimmed = path[...]
        while trimmed.count > 1 && trimmed.last == "/" { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        if slash == trimmed.startIndex { return "/" }
        return String(trimmed[..<slash])
    }
}
