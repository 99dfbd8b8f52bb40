import MoonstoreCore
import MoonstoreHost

/// Tells people of each reload of a host, and reloads on SIGHUP.
struct ReloadPrinter {
  private let task: Task<Void, Never>

  init(
    _ host: StoreHost,
    _ signals: SignalWatch,
    _ printer: DiagnosticPrinter
  ) async throws(StoreError) {
    let reports = try await host.reloads()
    task = Task {
      for await report in reports { printer.reload(report) }
    }
    signals.onHangUp {
      Task {
        do throws(StoreError) {
          if try await host.reload().isEmpty { printer.note("nothing has changed") }
        } catch {
          printer.warn(error)
        }
      }
    }
  }

  /// Waits until all that was told is printed; the host is closed.
  func end() async { await task.value }
}

extension DiagnosticPrinter {
  /// What a reload did.
  ///
  /// One that was refused is no failure of what runs, which goes on.
  fileprivate func reload(_ report: ReloadReport) {
    for failure in report.failures { warn(failure) }
    let lines = report.description.split(separator: "\n").dropFirst(report.failures.count)
    note(lines.map { "reload: \($0)" }.joined(separator: "\n"), evenIfQuiet: report.isRefused)
  }
}
