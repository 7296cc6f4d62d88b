import { expect } from 'chai';
import { loadConfig, type ConfigResult } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { parseKafkaUri } from '../../launch/config/kafka-uri.js';
import { TemporaryFiles } from './temporary-files.js';

describe('configuration of Kafka', () => {
  const files = new TemporaryFiles();

  function load(lines: string, engine: 'local' | 'portable'): Promise<ConfigResult> {
    files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
    const filters = 'filters: { sanctioned-country: { countries: [KP] } }';
    const file = files.write('flowsieve.yaml', `customers: customers.csv\n${lines}\n${filters}\n`);
    return loadConfig(file, { streaming: true, engine });
  }

  function problemsOf(result: ConfigResult): string {
    return result.ok ? '' : result.problems.map(formatProblem).join('\n');
  }

  it('reads brokers and topic of a URI', () => {
    expect(parseKafkaUri('kafka://a.example:9092,[::1]:9093/flows.v1')).to.deep.equal({
      brokers: 'a.example:9092,[::1]:9093',
      topic: 'flows.v1',
    });
  });

  for (const uri of [
    'kafka://a.example/flows',
    'kafka://a.example:99999/flows',
    'kafka://a.example:9092/',
    'kafka://a.example:9092/..',
    'kafka://a.example:9092/a b',
    'kafka://a.example:9092,/flows',
    'kafka://u@a.example:9092/flows',
  ]) {
    it(`does not take ${uri}`, async () => {
      expect(parseKafkaUri(uri)).to.equal(undefined);
      const result = await load(`inputs: [{ uri: '${uri}' }]`, 'portable');
      expect(problemsOf(result)).to.contain('expected kafka://HOST:PORT[,HOST:PORT...]/TOPIC');
    });
  }

  const whole =
    "inputs: [{ uri: 'kafka://a:9092/flows', kafka: { group: g, times: append } }]\n" +
    "sinks: ['kafka://a:9092/findings']\nkafkaProperties: { security.protocol: SSL }";

  it('takes inputs, sinks and properties for an engine', async () => {
    const result = await load(whole, 'portable');
    if (!result.ok) throw new Error(problemsOf(result));
    const { inputs, sinks, kafkaProperties } = result.config;
    expect(inputs[0].kafka).to.deep.equal({ group: 'g', from: 'earliest', times: 'append' });
    expect(sinks).to.deep.equal([{ kind: 'kafka', brokers: 'a:9092', topic: 'findings' }]);
    expect(kafkaProperties).to.deep.equal({ 'security.protocol': 'SSL' });
    expect(result.warnings.join()).to.contain('the watermark follows the times of messages');
  });

  it('is told to need --runner portable on the local runner', async () => {
    const problems = problemsOf(await load(whole, 'local'));
    expect(problems.match(/kafka:\/\/ needs --runner portable/g)).to.have.length(2);
  });

  it('is all that --runner portable reads without an end', async () => {
    const lines = "inputs: [{ uri: 'netflow://127.0.0.1:2055' }]\nsinks: ['-']";
    const problems = problemsOf(await load(lines, 'portable'));
    expect(problems).to.contain('expected kafka:// with --runner portable');
    expect(problems).to.contain('- (standard output) needs the local runner');
  });
});
