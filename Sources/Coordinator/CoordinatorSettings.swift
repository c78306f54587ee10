internal import Configuration
public import Durability
public import Federation

/// How a coordinator behaves, apart from where its files and its network are.
public struct CoordinatorSettings: Sendable {
    /// The federation's name.
    public var federation: String
    /// Transfers at once.
    public var transfers = 4
    /// Jobs that run at once.
    public var maxJobs = 4
    /// Sessions at once.
    public var maxSessions = 5000
    /// Free space below which jobs pause, in bytes.
    public var minimumFreeDisk: Int64 = 1 << 30
    /// The largest model, in bytes.
    public var maximumModel: Int64 = 4 << 30
    /// How often clients send a sign of life.
    public var heartbeat: Duration = .seconds(5)
    /// How long a transfer may move no bytes.
    public var stall: Duration = .seconds(30)
    /// How long a grant may stay unused.
    public var grantValidity: Duration = .seconds(10)
    /// How often a full disk is looked at again.
    public var diskRecheck: Duration = .seconds(5)
    /// Times and limits of the round engines.
    public var policy = RoundPolicy.defaults
    /// The time of day.
    public var clock = WallClock.system
    /// Where tests end the process.
    public var crash = CrashPoints.none
    /// Where blobs and spool lie.
    public var fileSystem: any FileSystem = PosixFileSystem()

    /// The defaults for a federation.
    public init(federation: String) {
        self.federation = federation
    }

    /// What a configuration file says.
    public init(_ configuration: CoordinatorConfiguration) {
        self.init(federation: configuration.federation)
        transfers = configuration.transfers
        maxJobs = configuration.maxJobs
        maxSessions = configuration.maxSessions
        minimumFreeDisk = Int64(configuration.minimumFreeDisk.bytes)
        maximumModel = Int64(configuration.maximumModel.bytes)
        heartbeat = configuration.heartbeat.duration
        stall = configuration.stall.duration
        policy.settleMilliseconds = configuration.settle.milliseconds
    }
}
