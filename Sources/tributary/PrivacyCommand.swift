public import ArgumentParser
import Foundation
import Operator
public import Privacy

struct PrivacyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "privacy",
        abstract: "Work out how much noise a privacy budget needs, or what noise costs.",
        subcommands: [Plan.self, Spend.self]
    )

    /// What both directions need to know about a job.
    struct Setting: ParsableArguments {
        @Option(
            parsing: .unconditional,
            help: "The probability with which the guarantee may fail; below 1 / clients.")
        var delta: Double

        @Option(
            parsing: .unconditional,
            help: "How many rounds the job runs; for distributed, in how many rounds a client takes part.")
        var rounds: Int

        @Option(parsing: .unconditional, help: "How many clients a round asks (central, distributed).")
        var cohort: Int = 1

        @Option(parsing: .unconditional, help: "How many clients take part in the job (central).")
        var clients: Int = 1

        @Option(
            parsing: .unconditional,
            help: "For distributed: how many clients of a sum add noise at least; the cohort unless given.")
        var minimum: Int?

        @Option(parsing: .unconditional, help: "For distributed: how many elements an update has.")
        var parameters: Int = 100_000

        @Option(help: "What adds the noise: central, local, ftrl or distributed.")
        var mechanism: NoiseMechanism = .central

        @Option(help: "How cohorts are drawn: poisson or fixed.")
        var sampling: NoiseMechanism.Sampling = .poisson

        @Option(parsing: .unconditional, help: "For ftrl: rounds from one participation of a client to its next.")
        var separation: Int = 1

        @Option(help: "rdp, or pld, which is tighter and does not know samples of fixed size.")
        var accountant: PrivacyLedger.Accountant?

        var usedAccountant: PrivacyLedger.Accountant {
            accountant ?? (mechanism == .distributed || mechanism == .central && sampling == .fixed ? .rdp : .pld)
        }

        var rate: Double { mechanism == .central ? Double(cohort) / Double(clients) : 1 }

        func validate() throws {
            func check(_ holds: Bool, _ option: String, _ found: Any, _ expected: String) throws {
                guard holds else { throw ValidationError("\(option): found \(found), expected \(expected)") }
            }
            try check(delta > 0 && delta < 1, "--delta", delta, "a number between 0 and 1")
            try check((1...1_000_000).contains(rounds), "--rounds", rounds, "1 to 1000000")
            try check(separation >= 1, "--separation", separation, "at least 1")
            if mechanism == .distributed {
                try check((2...1_000_000).contains(cohort), "--cohort", cohort, "2 to 1000000")
                try check((1...cohort).contains(minimum ?? cohort), "--minimum", minimum ?? cohort, "1 to the cohort")
                try check((1...(1 << 40)).contains(parameters), "--parameters", parameters, "at least 1")
                try check(usedAccountant == .rdp, "--accountant", "pld with --mechanism distributed", "rdp")
            }
            if mechanism == .central {
                try check(cohort >= 1, "--cohort", cohort, "at least 1")
                try check(clients >= cohort, "--clients", clients, "at least the cohort (\(cohort))")
                try check(
                    !(usedAccountant == .pld && sampling == .fixed), "--accountant", "pld with --sampling fixed",
                    "rdp, or --sampling poisson")
            }
        }

        func charge(_ noiseMultiplier: Double) -> PrivacyCharge {
            var multiplier = noiseMultiplier
            if mechanism == .distributed {
                let numbers = try? DistributedGaussian(
                    clipNorm: 1, noiseMultiplier: noiseMultiplier, cohort: cohort, contributors: minimum ?? cohort,
                    parameters: parameters)
                // Too little noise for any lattice protects nobody.
                multiplier = numbers?.multiplier ?? 1e-9
            }
            return mechanism.charge(
                noiseMultiplier: multiplier, rounds: rounds, rate: rate, sampling: sampling,
                separation: separation)
        }

        func epsilon(_ noiseMultiplier: Double, by accountant: PrivacyLedger.Accountant) throws -> Double {
            try PrivacyLedger([charge(noiseMultiplier)]).epsilon(delta: delta, by: accountant)
        }

        func result(_ noiseMultiplier: Double) throws -> PlanResult {
            let used = usedAccountant
            if mechanism == .central, clients > 1, delta >= 1 / Double(clients) {
                Printer.note(
                    "--delta \(delta) is not below 1 / clients (\(clients)): with such a chance to fail the guarantee may "
                        + "leave out one client altogether")
            }
            let epsilon = try epsilon(noiseMultiplier, by: used)
            guard epsilon.isFinite else {
                throw PrivacyError(
                    .unreachable, "a noise multiplier of \(noiseMultiplier) bounds no epsilon at delta \(delta)")
            }
            return PlanResult(
                noiseMultiplier: noiseMultiplier, epsilon: epsilon, delta: delta, rounds: rounds,
                mechanism: mechanism.rawValue, sampling: mechanism == .central ? sampling.rawValue : nil,
                rate: mechanism == .central ? rate : nil, separation: mechanism == .ftrl ? separation : nil,
                accountant: used.rawValue, neighbours: neighbours)
        }

        var neighbours: String {
            switch (mechanism, sampling) {
            case (.central, .poisson): "one client more or less"
            case (.central, .fixed): "one client replaced by another"
            case (.local, _): "one client's data replaced by others"
            case (.ftrl, _), (.distributed, _): "one client's updates set to zero"
            }
        }
    }

    struct PlanResult: Encodable {
        var noiseMultiplier: Double
        var epsilon: Double
        var delta: Double
        var rounds: Int
        var mechanism: String
        var sampling: String?
        var rate: Double?
        var separation: Int?
        var accountant: String
        var neighbours: String

        var lines: [String] {
            var lines = [
                String(format: "noise multiplier  %.5f (deviation of the noise / clipping norm)", noiseMultiplier),
                String(format: "epsilon           %.4f at delta %g after %d rounds", epsilon, delta, rounds),
                "mechanism         \(mechanism)",
            ]
            if let sampling, let rate {
                lines.append(String(format: "sampling          \(sampling), %.4f of the clients a round", rate))
            }
            if let separation { lines.append("separation        every \(separation) rounds at most") }
            return lines + ["accountant        \(accountant)", "neighbours        \(neighbours)"]
        }
    }

    struct Plan: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plan",
            abstract: "Find the smallest noise multiplier that keeps a job within a budget.",
            discussion: """
                EXAMPLE
                  tributary privacy plan --epsilon 2 --delta 1e-6 --rounds 200 --cohort 10 --clients 105
                  tributary privacy plan --epsilon 8 --delta 1e-5 --rounds 100 --mechanism ftrl --separation 10 --json
                  tributary privacy plan --epsilon 4 --delta 1e-5 --rounds 20 --mechanism distributed --cohort 100 --minimum 70

                The result goes into the job file as privacy.noiseMultiplier.
                """
        )

        @Option(parsing: .unconditional, help: "The budget.")
        var epsilon: Double

        @OptionGroup var setting: Setting
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1e-6...1e6).contains(epsilon) else {
                throw ValidationError("--epsilon: found \(epsilon), expected 1e-6 to 1e6, what a job file takes")
            }
        }

        func run() throws {
            let noise = try NoisePlanner.noiseMultiplier(
                epsilon: epsilon, delta: setting.delta, by: setting.usedAccountant, charge: setting.charge)
            let result = try setting.result(noise)
            try output.printer.print(result) { result.lines }
        }
    }

    struct Spend: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "spend",
            abstract: "Print the epsilon that a noise multiplier costs.",
            discussion: """
                EXAMPLE
                  tributary privacy spend --noise-multiplier 1.1 --delta 1e-6 --rounds 200 --cohort 10 --clients 105
                """
        )

        @Option(parsing: .unconditional, help: "Deviation of the noise divided by the clipping norm.")
        var noiseMultiplier: Double

        @OptionGroup var setting: Setting
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard noiseMultiplier > 0, noiseMultiplier.isFinite else {
                throw ValidationError("--noise-multiplier: found \(noiseMultiplier), expected a finite number above 0")
            }
        }

        func run() throws {
            let result = try setting.result(noiseMultiplier)
            try output.printer.print(result) { result.lines }
        }
    }
}

extension NoiseMechanism: ExpressibleByArgument {}
extension NoiseMechanism.Sampling: ExpressibleByArgument {}
extension PrivacyLedger.Accountant: ExpressibleByArgument {}
