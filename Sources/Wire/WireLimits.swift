/// The sizes that a peer's message may have. They are checked before anything is stored or allocated from a field.
public enum WireLimits {
    /// The largest block of a file in one message: 1 MiB.
    public static let chunkBytes = 1 << 20
    /// The block that this code sends. With its header and framing it stays below 1 MiB, so that it fits one HTTP/2 frame
    /// and buffers that grow by doubling end at 1 MiB and not at 2.
    public static let sentChunkBytes = chunkBytes - 4096
    /// The largest message on the wire: a chunk, or a specification, with room for the other fields.
    public static let messageBytes = chunkBytes + 64 * 1024
    /// The largest file that travels in a message of the session, and the largest description that goes with it: 16 KiB.
    /// See ``InlineTransfer``.
    public static let inlineBytes = 16 << 10
    /// The largest message to an operator: model cards and lists of jobs.
    public static let operatorMessageBytes = 64 << 20
    /// The largest job specification: 1 MiB.
    public static let specificationBytes = 1 << 20
    /// The longest name of a client, job, data set, split, modality or figure, in UTF-8 bytes.
    public static let nameBytes = 128
    /// The longest text for people (a reason, a software version), in UTF-8 bytes; a longer one is cut.
    public static let textBytes = 1024
    /// The most data sets a site may offer.
    public static let datasets = 64
    /// The most splits of one data set.
    public static let splits = 16
    /// The most modalities of one data set.
    public static let modalities = 64
    /// The most classes of a data set or a confusion matrix.
    public static let classes = 4096
    /// The most entries of a list of names (features, models).
    public static let names = 256
    /// The most figures of a progress report or entries of a trainer's description.
    public static let figures = 256
    /// The most tasks that a client may hold when it connects.
    public static let holding = 1024
    /// The largest number taken for a count, 2^53: what JSON and SQLite keep exactly.
    public static let count: UInt64 = 1 << 53
    /// The largest number of a round or attempt.
    public static let round: UInt32 = 1_000_000
}
