import { expect } from 'chai';
import { extrapolate } from '../../bench/scale/extrapolate.js';

describe('what days of flows need', () => {
  const perFlow = { cpuSeconds: 10e-6, shuffleBytes: 100, pieceBytes: 60 };
  const prices = { vcpuHour: 0.05, memoryGbHour: 0.0025, shuffleGb: 0.01 };
  const assumed = {
    utilisation: 0.5,
    memoryGbPerVcpu: 4,
    peak: 2,
    windowSeconds: 300,
    shardBytes: 64e6,
  };

  it('is linear in flows, and counts what is shuffled both ways', () => {
    // 864 M flows a day are 10,000 a second.
    const need = extrapolate(864e6, perFlow, prices, false, assumed);
    expect(need.flowsPerSecond).to.equal(10_000);
    // 8,640 s of CPU are 2.4 hours, half of the time idle.
    expect(need.vcpuHours).to.be.closeTo(4.8, 1e-9);
    expect(need.shuffleGb).to.be.closeTo(172.8, 1e-9);
    expect(need.workers).to.be.closeTo(4.8 * 0.06, 1e-9);
    expect(need.shuffle).to.be.closeTo(1.728, 1e-9);
    const twice = extrapolate(2 * 864e6, perFlow, prices, false, assumed);
    expect(twice.workers).to.be.closeTo(2 * need.workers, 1e-9);
  });

  it('keeps workers for the peak all day where the job has no end', () => {
    const need = extrapolate(864e6, perFlow, prices, true, assumed);
    // 20,000 flows/s at the peak are 0.2 s of CPU a second, on vCPUs that are half idle.
    expect(need.vcpus).to.be.closeTo(0.4, 1e-9);
    // But a job has at least one.
    expect(need.vcpuHours).to.equal(24);
    const ten = extrapolate(8640e6, perFlow, prices, true, assumed);
    expect(ten.vcpuHours).to.be.closeTo(96, 1e-9);
  });

  it('has enough shards for the fullest window', () => {
    // 20,000 flows/s for 300 s of 60 bytes are 360 MB.
    const need = extrapolate(864e6, perFlow, prices, false, assumed);
    expect(need.windowGb).to.be.closeTo(0.36, 1e-9);
    expect(need.shards).to.equal(6);
  });
});
