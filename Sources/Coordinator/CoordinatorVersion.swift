/// The name and version of this software, for logs and cards.
public enum CoordinatorVersion {
    /// For people.
    public static let software = "tributary-coordinator 0.1.0"
}
