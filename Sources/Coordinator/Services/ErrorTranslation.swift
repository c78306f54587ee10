internal import Durability
internal import GRPCCore
internal import Jobs
internal import Privacy
internal import Weights
internal import Wire

/// Runs a handler and turns what it throws into the status that the peer sees. Errors of the coordinator's own store and
/// disk are told without their details.
func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as RPCError {
        throw error
    } catch let error as CoordinatorError {
        throw RPCError(code: error.rpcCode, message: error.rpcMessage, cause: error)
    } catch let error as WireError {
        throw RPCError(code: error.rpcCode, message: error.description, cause: error)
    } catch let error as JobsError {
        throw RPCError(code: .invalidArgument, message: error.description, cause: error)
    } catch let error as PrivacyError {
        throw RPCError(code: .invalidArgument, message: error.message, cause: error)
    } catch let error as WeightsError {
        throw RPCError(code: .invalidArgument, message: error.description, cause: error)
    } catch let error as DurabilityError {
        let code: RPCError.Code = error.code == .noSpace ? .resourceExhausted : .internalError
        throw RPCError(code: code, message: "the coordinator's disk refused (\(error.code.rawValue))", cause: error)
    } catch is CancellationError {
        throw RPCError(code: .cancelled, message: "the call was ended")
    } catch {
        throw RPCError(code: .internalError, message: "the coordinator failed at this call", cause: error)
    }
}

extension CoordinatorError {
    /// The status that a peer sees.
    var rpcCode: RPCError.Code {
        switch code {
        case .invalidConfiguration, .store: .internalError
        case .invalidRequest: .invalidArgument
        case .notFound: .notFound
        case .conflict: .failedPrecondition
        case .noGrant: .failedPrecondition
        case .stalled: .deadlineExceeded
        case .noSpace, .limit: .resourceExhausted
        case .revoked: .permissionDenied
        case .unavailable: .unavailable
        case .corrupt: .dataLoss
        }
    }

    var rpcMessage: String {
        code == .store ? "the coordinator's store failed" : message
    }
}

extension WireError {
    /// The status that a peer sees.
    var rpcCode: RPCError.Code {
        switch code {
        case .invalidMessage, .outOfOrder: .invalidArgument
        case .tooLarge: .resourceExhausted
        case .incompatibleVersion: .failedPrecondition
        }
    }
}
