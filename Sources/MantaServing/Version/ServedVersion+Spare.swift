import Logging
import MantaBatching
import MantaCore
import MantaThreads

extension ServedVersion {
    /// What is to become of the spare model.
    enum SpareOrder: Sendable {
        /// Load one whose runs have so many threads; bring it into force then, where nothing else was ordered meanwhile.
        case load(threads: Int, thenUse: Bool)
        /// Free it.
        case free
    }

    /// Threads within each run; `nil` until the model is loaded.
    package var threads: Int? { live?.runs?.threads }

    /// Sees to it that batches can run with so many threads.
    ///
    /// The engine fixes the threads of a model when it loads it, so others need the model a second time.
    ///
    /// - Returns: What there is of it. While it is being loaded, ask again.
    func prepare(threads: Int) -> RunSource.Spare {
        guard let runs = live?.runs else { return .none }
        if runs.threads == threads { return .ready(runs.current.model, threads: threads) }
        if runs.wantSpare(threads: threads) {
            spareOrders.continuation.yield(.load(threads: threads, thenUse: false))
        }
        return runs.spare
    }

    /// Batches run with so many threads from the next one on.
    ///
    /// - Parameters:
    ///   - threads: Those that ``prepare(threads:)`` said are ready.
    ///   - sizer: What was learned of the cost of such batches before.
    /// - Returns: What was learned until now; `nil` if there is no such model, so that nothing changes.
    func use(threads: Int, sizer: BatchSizer?) -> BatchSizer? {
        guard let live, let runs = live.runs, runs.use(threads: threads) else { return nil }
        return live.batcher.exchange(sizer)
    }

    /// Goes back to the threads of the configuration, as soon as it can, and frees what it doesn't need then.
    func endTuning() {
        guard let runs = live?.runs else { return }
        let threads = configuration.options.threads
        if threads == runs.threads || use(threads: threads, sizer: nil) != nil { return freeSpare() }
        _ = runs.wantSpare(threads: threads)
        spareOrders.continuation.yield(.load(threads: threads, thenUse: true))
    }

    /// Frees the spare model, if there is one.
    func freeSpare() {
        if live?.runs?.dropSpare() == true { spareOrders.continuation.yield(.free) }
    }

    /// Carries out orders until it is to stop. Loading and freeing block, so they have threads of their own.
    func keepSpare(_ runs: RunSource, of live: Live) async {
        for await order in spareOrders.stream {
            if isStopping { return }
            switch order {
            case .free:
                await Thread.run(name: "unload") { runs.emptyBin() }
            case .load(let threads, let thenUse):
                await Thread.run(name: "load") { self.loadSpare(runs, threads: threads, live) }
                guard thenUse, use(threads: threads, sizer: nil) != nil else { continue }
                _ = runs.dropSpare()
                await Thread.run(name: "unload") { runs.emptyBin() }
            }
        }
    }

    private func loadSpare(_ runs: RunSource, threads: Int, _ live: Live) {
        // The one before goes first: there are never more than two.
        runs.emptyBin()
        guard case .loading(threads) = runs.spare else { return }
        do throws(ServingError) {
            let model = try read(threads: threads)
            let warmup = Warmup(
                model: model, rowCounts: configuration.warmupRows, samples: configuration.warmupSamples,
                padding: live.padding)
            _ = try warmup(plan: live.plan)
            runs.loaded(.ready(model, threads: threads))
        } catch {
            logger.warning(
                "Model could not be loaded with other threads",
                metadata: ["threads": "\(threads)", "reason": "\(error.message)"])
            runs.loaded(.failed(threads: threads, reason: error.message))
        }
    }
}
