internal import Client
internal import Crypto
internal import Durability
internal import Foundation
internal import GRPCCore
internal import Jobs
internal import Wire
internal import WireMessages

/// One task of a load client: the transfers of a daemon, with the same parts, and no training.
struct LoadTask: Sendable {
    let client: LoadClient
    let task: Tributary_V1_Task
    let federation: LoadClient.Federation
    let desk: GrantDesk

    private var options: CallOptions { LoadClient.options }

    func run(_ outbound: LoadClient.Outbound) async throws {
        guard let model = client.model else { return }
        switch (client.conduct, task.identity.kind) {
        case (.silent, _): return
        case (.stallsFetching, _), (.stallsUploading, _):
            // The coordinator ends these transfers, in its own time.
            do { try await stall(model) } catch {}
        case (.echo, .evaluate):
            try await fetch()
            var message = Tributary_V1_ClientMessage()
            message.evaluation.identity = task.identity
            message.evaluation.weightsDigest = task.weightsDigest
            message.evaluation.statistics = statistics
            outbound.yield(message)
        case (.echo, _):
            try await fetch()
            try await upload(model)
        }
    }

    private var statistics: Tributary_V1_Statistics { TaskStatistics(examples: 10, sums: ["loss": 0]).message }

    // MARK: Down

    private func request() async throws -> Tributary_V1_FetchWeightsRequest {
        var request = Tributary_V1_FetchWeightsRequest()
        request.grant = task.fetchGrant != 0 ? task.fetchGrant : try await desk.grant(task.identity, .fetch)
        request.identity = task.identity
        request.digest = task.weightsDigest
        return request
    }

    private func fetch() async throws {
        if !task.weights.isEmpty { return try keep(task.weights) }
        let request = try await request()
        let start = ContinuousClock.now
        let bytes = Int64(task.weightsBytes)
        let digest = task.weightsDigest
        if let folder = client.cacheFolder {
            let cache = try WeightsCache(folder: folder, limit: 1)
            let reception = try cache.receive(digest, bytes: bytes)
            let complete = try await federation.fetchWeights(request, options: options) { response in
                var reception = reception
                var chunks = ChunkSequence(totalBytes: bytes)
                for try await chunk in response.messages { try reception.append(try chunks.accept(chunk)) }
                return reception
            }
            _ = try cache.finish(complete)
        } else {
            let found = try await federation.fetchWeights(request, options: options) { response in
                var chunks = ChunkSequence(totalBytes: bytes)
                var hash = SHA256()
                for try await chunk in response.messages { hash.update(data: try chunks.accept(chunk)) }
                return Self.hexadecimal(hash.finalize())
            }
            try check(found)
        }
        client.recorder.moved(.down, bytes: Int(bytes), since: start)
    }

    /// Takes weights that came with the task.
    private func keep(_ weights: Data) throws {
        if let folder = client.cacheFolder {
            _ = try WeightsCache(folder: folder, limit: 1).keep(weights, as: task.weightsDigest)
        } else {
            try check(Self.hexadecimal(SHA256.hash(data: weights)))
        }
    }

    private func check(_ found: String) throws {
        guard found == task.weightsDigest else {
            throw LoadTestError("the weights \(task.weightsDigest) came with the digest \(found)")
        }
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private func stall(_ model: EchoModel) async throws {
        if case .stallsFetching = client.conduct {
            try await stallFetching()
        } else {
            try await fetch()
            try await stallUploading(model)
        }
    }

    private func stallFetching() async throws {
        try await federation.fetchWeights(try await request(), options: options) { response in
            for try await _ in response.messages { try await forever() }
        }
    }

    // MARK: Up

    private func header(_ model: EchoModel, grant: UInt64 = 0) throws -> Tributary_V1_UpdateHeader {
        UpdateDescription(
            grant: grant, identity: try TaskIdentity(task.identity), digest: model.update.digest,
            totalBytes: Int64(model.update.bytes), offset: 0, weightsDigest: task.weightsDigest,
            statistics: TaskStatistics(examples: 10, sums: ["loss": 0]), trainer: ["trainer": "tributary-load"]
        ).message
    }

    private func request(_ model: EchoModel) async throws -> Tributary_V1_SubmitUpdateRequest {
        var message = Tributary_V1_SubmitUpdateRequest()
        message.header = try header(model, grant: try await desk.grant(task.identity, .upload))
        return message
    }

    private func upload(_ model: EchoModel) async throws {
        let start = ContinuousClock.now
        let receipt = try await isInline(model) ? submit(model) : call(model)
        guard receipt.status == .committed else {
            throw LoadTestError("an update was not taken (\(receipt.status)): \(receipt.code) \(receipt.reason)")
        }
        client.recorder.moved(.up, bytes: model.update.bytes, since: start)
    }

    private func isInline(_ model: EchoModel) -> Bool {
        desk.takesInline && InlineTransfer.fits(Int64(model.update.bytes))
    }

    /// In a session message.
    private func submit(_ model: EchoModel) async throws -> Tributary_V1_UpdateReceipt {
        var update = Tributary_V1_InlineUpdate()
        update.header = try header(model)
        update.data = try read(model, from: 0, count: model.update.bytes)
        return try await desk.submit(update)
    }

    /// In a call of its own.
    private func call(_ model: EchoModel) async throws -> Tributary_V1_UpdateReceipt {
        let header = try await request(model)
        return try await federation.submitUpdate(options: options) { writer in
            try await writer.write(header)
            var position = 0
            while position < model.update.bytes {
                position = try await send(model, from: position, writer)
            }
        }
    }

    private func read(_ model: EchoModel, from position: Int, count: Int) throws -> Data {
        try ChunkData.filled(count: count) { buffer in
            guard try model.updateFile.read(into: buffer, at: Int64(position)) == count else {
                throw LoadTestError("\(model.update.path) has shrunk")
            }
        }
    }

    private func send(
        _ model: EchoModel, from position: Int, _ writer: RPCWriter<Tributary_V1_SubmitUpdateRequest>
    ) async throws -> Int {
        let count = min(WireLimits.sentChunkBytes, model.update.bytes - position)
        var message = Tributary_V1_SubmitUpdateRequest()
        message.chunk.offset = UInt64(position)
        message.chunk.data = try read(model, from: position, count: count)
        try await writer.write(message)
        return position + count
    }

    private func stallUploading(_ model: EchoModel) async throws {
        let header = try await request(model)
        _ = try await federation.submitUpdate(options: options) { writer in
            try await writer.write(header)
            var position = 0
            while position < model.update.bytes / 2 {
                position = try await send(model, from: position, writer)
            }
            try await forever()
        }
    }

    private func forever() async throws { try await Task.sleep(for: .seconds(86_400)) }
}
